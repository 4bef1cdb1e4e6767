/**
 * Images that a model can be shown. Type and size are read from the file itself: a client passes them on, and a model refuses
 * the whole conversation if the type is wrong or a side too long.
 */

import { MAX_INLINE_IMAGE_BYTES, MAX_INLINE_IMAGE_SIDE } from "../runtime/limits.ts";

interface Image {
  mimeType: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
  width: number;
  height: number;
}

/** The MIME type of a PNG, JPEG, GIF or WebP file within the limits; undefined for everything else. */
export function imageType(bytes: Uint8Array): Image["mimeType"] | undefined {
  if (bytes.length > MAX_INLINE_IMAGE_BYTES) return undefined;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const image = [png, gif, jpeg, webp].map((read) => read(file)).find((found) => found !== undefined);
  const isShown = image !== undefined && [image.width, image.height].every((side) => side > 0 && side <= MAX_INLINE_IMAGE_SIDE);
  return isShown ? image.mimeType : undefined;
}

/** https://www.w3.org/TR/png-3/#11IHDR */
function png(file: Buffer): Image | undefined {
  if (file.length < 24 || file.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") return undefined;
  return { mimeType: "image/png", width: file.readUInt32BE(16), height: file.readUInt32BE(20) };
}

function gif(file: Buffer): Image | undefined {
  if (file.length < 10 || !/^GIF8[79]a$/.test(file.toString("latin1", 0, 6))) return undefined;
  return { mimeType: "image/gif", width: file.readUInt16LE(6), height: file.readUInt16LE(8) };
}

/** Walks the segments to the frame header, SOF0 to SOF15: C4, C8 and CC are other markers. ITU-T T.81, B.1 and B.2.2. */
function jpeg(file: Buffer): Image | undefined {
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= file.length && file[at] === 0xff; at += 2 + file.readUInt16BE(at + 2)) {
    const marker = file[at + 1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { mimeType: "image/jpeg", height: file.readUInt16BE(at + 5), width: file.readUInt16BE(at + 7) };
  }
  return undefined;
}

/** Lossy, lossless and extended: RFC 9649, sections 2.5 to 2.7. */
function webp(file: Buffer): Image | undefined {
  if (file.length < 30 || file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WEBP") return undefined;
  const mimeType = "image/webp";
  switch (file.toString("latin1", 12, 16)) {
    case "VP8 ":
      return { mimeType, width: file.readUInt16LE(26) & 0x3fff, height: file.readUInt16LE(28) & 0x3fff };
    case "VP8L": {
      const bits = file.readUInt32LE(21);
      return { mimeType, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { mimeType, width: file.readUIntLE(24, 3) + 1, height: file.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

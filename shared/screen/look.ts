/** The look that pages share: one accent colour, a type scale of six steps, light and dark by the system's choice. */

/** Rules of `:root`. `npm run generate` writes them for the desk, whose styles are a file: workers/desk/page/tokens.css. */
export const LOOK = `:root {
  color-scheme: light dark;
  --paper: #f6f5f1;
  --card: #fff;
  --line: #e2e0d8;
  --ink: #1c1b18;
  --quiet: #625f56;
  --accent: #0f766e;
  --accent-soft: #d7ebe7;
  --on-accent: #fff;
  --warn: #6b4700;
  --warn-back: #fdf3dc;
  --warn-line: #ecd29a;
  --bad: #a32018;
  --bad-back: #fcecea;
  --bad-line: #efc0bb;
  --focus: #0b5c55;
  --shadow: 0 1px 2px rgb(0 0 0 / 5%), 0 4px 16px rgb(0 0 0 / 4%);
  --radius: 12px;
  --tiny: 0.8125rem;
  --small: 0.9375rem;
  --body: 1rem;
  --large: 1.25rem;
  --huge: 1.75rem;
  --sum: clamp(2.25rem, 1.4rem + 3.8vw, 3.25rem);
}

@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121311;
    --card: #1b1c1a;
    --line: #31322e;
    --ink: #edece6;
    --quiet: #a5a298;
    --accent: #4cc9b8;
    --accent-soft: #17352f;
    --on-accent: #04201c;
    --warn: #f2d58f;
    --warn-back: #2a2314;
    --warn-line: #594820;
    --bad: #ff9d91;
    --bad-back: #311a17;
    --bad-line: #653029;
    --focus: #7fe3d5;
    --shadow: none;
  }
}
`;

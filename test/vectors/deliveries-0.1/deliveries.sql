CREATE TABLE answer (
         key TEXT PRIMARY KEY,
         order_key TEXT NOT NULL,            -- the signed payment that the id belongs to
         reservation_id TEXT NOT NULL,       -- the same for every run of that payment under this id
         state TEXT NOT NULL CHECK (state IN ('running', 'stored', 'paid')),
         lease TEXT NOT NULL,
         lease_until INTEGER NOT NULL,
         reservation TEXT,
         receipt TEXT,
         status INTEGER,                     -- with headers and body: absent when the answer was not kept
         headers TEXT,
         body BLOB,
         forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
INSERT INTO answer (key, order_key, reservation_id, state, lease, lease_until, reservation, receipt, status, headers, body, forget_after) VALUES ('089d0593471cd65c482499b8c7fbec2d7d8278499f4fe96f95350370d7830374', 'faff6c0094c59e81b8ced10bc4934de8d14bcca093d5103d5de0927cccfba290', '83136183c0486b81e695ea473c2a85375cf5eb4b3ab40bebc56420590b8c3d58', 'stored', 'c0dd5bf9a3931610a92ee7f8b143d7c3e7dbe26549a8a28d48a9010938284f59', 1795921721, '{"payer":"5pZQWp3edwiGLkYgbTufjDzvmjXcpb1WDrT2Wxpepzj6","nonce":"6414e009c5bbd60995debe97eab2294e93fdaff3d429c56cde38290e054b1056","reservationId":"83136183c0486b81e695ea473c2a85375cf5eb4b3ab40bebc56420590b8c3d58"}', NULL, 200, '[["content-type","text/plain;charset=UTF-8"]]', X'676F6F6473', 1796008061);
INSERT INTO answer (key, order_key, reservation_id, state, lease, lease_until, reservation, receipt, status, headers, body, forget_after) VALUES ('c5e5e7cbb0624db35946b2855b55d2f9e4ad105934a66990865e1f1e493c51d4', 'ce6fab2fb8cb2436a2ca0a3fbea5ee7c018f21ec702b456fbe2a8125852f30bc', '2a174f321fc5f9bc0204f5362f4f51893d3d17875f8c85fc94cb6bccdcd3bb55', 'paid', '7b81743752f6bab1b584a2f7cd9764b2023e0d5b81a37f410bf6e2083b588c3d', 0, '{"payer":"5pZQWp3edwiGLkYgbTufjDzvmjXcpb1WDrT2Wxpepzj6","nonce":"507a8ae2cc39500d39cab868712393b804b949d4309948ff016ae690fd30ec86","reservationId":"2a174f321fc5f9bc0204f5362f4f51893d3d17875f8c85fc94cb6bccdcd3bb55"}', '{"success":true,"payer":"5pZQWp3edwiGLkYgbTufjDzvmjXcpb1WDrT2Wxpepzj6","transaction":"9624393abbf2dbe791fe95d8b36f3e2e978408adcab227327516c13bc112aef3","network":"logos:lez-testnet","amount":"10000"}', 200, '[["content-type","text/plain;charset=UTF-8"]]', X'676F6F6473', 1796008061);
CREATE TABLE delivery (
         key TEXT PRIMARY KEY, lease TEXT NOT NULL, lease_until INTEGER NOT NULL, remembered TEXT, forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
INSERT INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES ('7584d8a8d071d60dbe0330dc159c500cf77c31792e6983084dba3f20ae0b5367', '8054d8ec94a984e62b2a8ec101cb37b5ba956fd7398f029c43eb0f0b80e38888', 1795921722, '{"state":"paid","receipt":{"success":true,"payer":"5pZQWp3edwiGLkYgbTufjDzvmjXcpb1WDrT2Wxpepzj6","transaction":"e62747add8679676de4c057b46d5f4a2312ef6f17e4e8e1ce9a016b85c44c81e","network":"logos:lez-testnet","amount":"10000"}}', 1795968522);
INSERT INTO delivery (key, lease, lease_until, remembered, forget_after) VALUES ('8735634697e2b6e955c5bff19209340449eec214a9b391cd8aa235ff6ad6c1bb', '8537e259708631c468f90d686fc78e5e043032ae5e62002b8332b80418b998b6', 0, '{"state":"pending","reservation":{"payer":"5pZQWp3edwiGLkYgbTufjDzvmjXcpb1WDrT2Wxpepzj6","nonce":"29c549c3d50aa515d683e251e1bc5be0046f7eff241fdbd1911f691760810e79","reservationId":"8537e259708631c468f90d686fc78e5e043032ae5e62002b8332b80418b998b6"}}', 1795926161);

CREATE TABLE account (
         id TEXT PRIMARY KEY,
         balance TEXT NOT NULL,
         held TEXT NOT NULL,             -- the part of the balance that open holds claim
         journal_seq INTEGER NOT NULL,
         journal_head TEXT NOT NULL
       , accesses_void_through INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE acknowledged (
         to_shard INTEGER PRIMARY KEY,
         number INTEGER NOT NULL,
         head TEXT NOT NULL
       ) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
         account TEXT PRIMARY KEY,
         seq INTEGER NOT NULL,
         base_seq INTEGER NOT NULL DEFAULT 0,
         base_hash TEXT,
         base_balance TEXT
       ) STRICT, WITHOUT ROWID;
CREATE TABLE clock (last INTEGER NOT NULL, final INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE faucet (
         account TEXT PRIMARY KEY,
         granted TEXT NOT NULL,
         since INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
CREATE TABLE faucet_grant (
         id TEXT PRIMARY KEY,
         authorization_digest TEXT NOT NULL
       ) STRICT, WITHOUT ROWID;
CREATE TABLE genesis (
         ledger TEXT NOT NULL,
         treasury TEXT NOT NULL,
         supply TEXT NOT NULL,
         shard INTEGER NOT NULL,
         shards INTEGER NOT NULL
       ) STRICT;
CREATE TABLE halt (reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE journal (
         account TEXT NOT NULL,
         seq INTEGER NOT NULL,
         kind TEXT NOT NULL CHECK (kind IN ('genesis', 'debit', 'credit', 'batch')),
         counterparty TEXT,
         value TEXT NOT NULL,
         balance_after TEXT NOT NULL,
         authorization_digest TEXT,
         request_digest TEXT,
         tx TEXT,
         batch TEXT,                     -- JSON: the origin of a batch, and its transactions
         at INTEGER NOT NULL,
         prev_hash TEXT NOT NULL,
         hash TEXT NOT NULL, mandate TEXT, cause TEXT, refund_of TEXT, credits TEXT, session TEXT,
         PRIMARY KEY (account, seq)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE mandate (
         number INTEGER PRIMARY KEY,
         payer TEXT NOT NULL,
         digest TEXT NOT NULL,
         revoked_at INTEGER,
         capture_deadline INTEGER NOT NULL, -- the last second in which a payment under it can be captured
         facts TEXT,                     -- JSON: its limits; NULL if it was revoked before its first claim
         UNIQUE (payer, digest)
       ) STRICT;
CREATE TABLE mandate_use (
         mandate INTEGER PRIMARY KEY,    -- its number
         settled TEXT NOT NULL,          -- atomic units that were paid under it
         claimed TEXT NOT NULL,          -- atomic units that open holds claim
         window INTEGER NOT NULL,        -- the number of the period that the next two columns count in
         window_used TEXT NOT NULL,
         window_count INTEGER NOT NULL
       ) STRICT;
CREATE TABLE origin (ledger TEXT NOT NULL, export TEXT NOT NULL, complete INTEGER NOT NULL) STRICT;
CREATE TABLE outbox (
         to_shard INTEGER NOT NULL,
         number INTEGER NOT NULL,        -- 1, 2, 3 … per shard, without gaps
         payee TEXT NOT NULL,
         value TEXT NOT NULL,
         tx TEXT NOT NULL, payer TEXT, kind TEXT, refund_of TEXT, session TEXT,
         PRIMARY KEY (to_shard, number)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE panic (
         payer TEXT PRIMARY KEY,
         before INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
CREATE TABLE payment (
         payer TEXT NOT NULL,
         nonce TEXT NOT NULL,
         state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'cancelled')),
         authorization_digest TEXT,      -- NULL if the nonce was cancelled before its payment was presented
         payee TEXT,
         value TEXT,
         valid_before INTEGER NOT NULL,
         request_digest TEXT,
         holder TEXT,                    -- the reservation or settlement id that owns this row
         held_until INTEGER,
         capture_deadline INTEGER NOT NULL,     -- the last second in which a hold can be captured
         tx TEXT, mandate TEXT, mandate_window INTEGER, restored INTEGER, scheme TEXT, charged TEXT, session TEXT,
         PRIMARY KEY (payer, nonce)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE received (
         from_shard INTEGER PRIMARY KEY,
         number INTEGER NOT NULL,
         head TEXT NOT NULL
       ) STRICT, WITHOUT ROWID;
CREATE TABLE refund (
         payee TEXT NOT NULL,
         seq INTEGER NOT NULL,
         id TEXT NOT NULL,
         refund_digest TEXT NOT NULL,
         tx TEXT NOT NULL,
         refund_of TEXT NOT NULL,        -- the refunded payment's transaction
         entry INTEGER NOT NULL,         -- the number of its credit
         payer TEXT NOT NULL,
         value TEXT NOT NULL,
         sum TEXT NOT NULL,              -- what was refunded of the payment with this refund and those before it
         mandate TEXT,
         mandate_window INTEGER,
         at INTEGER NOT NULL, signed TEXT,
         PRIMARY KEY (payee, seq)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE retired (at INTEGER NOT NULL) STRICT;
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE session (
         payer TEXT NOT NULL,
         id TEXT NOT NULL,
         nonce TEXT NOT NULL,
         config TEXT NOT NULL,           -- the canonical text of the Session
         payee TEXT NOT NULL,
         signer TEXT NOT NULL,
         receiver TEXT NOT NULL,
         deposit TEXT NOT NULL,
         claimed TEXT NOT NULL,          -- atomic units that were paid to the payee
         state TEXT NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
         opened_at INTEGER NOT NULL,
         valid_after INTEGER NOT NULL,
         expires_at INTEGER NOT NULL,    -- the last second of vouchers
         withdraw_delay INTEGER NOT NULL,
         claim_deadline INTEGER NOT NULL,     -- the last second in which anything is paid out of it
         ends_at INTEGER NOT NULL,       -- the same or, when it is closing, an earlier one; when it was closed
         withdraw_requested_at INTEGER,
         mandate TEXT,
         mandate_window INTEGER,
         request_digest TEXT,
         lanes INTEGER NOT NULL,         -- how many there are
         claims INTEGER NOT NULL,        -- how many were paid
         final_claim TEXT,               -- the digest of the claim that closed it
         PRIMARY KEY (payer, id)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE session_claim (
         payer TEXT NOT NULL,
         session TEXT NOT NULL,
         number INTEGER NOT NULL,        -- 1, 2, 3 … in its session
         claim_digest TEXT NOT NULL,
         tx TEXT NOT NULL,
         seq INTEGER NOT NULL,           -- the number of its debit in the payer's journal
         value TEXT NOT NULL,
         at INTEGER NOT NULL,
         PRIMARY KEY (payer, session, number)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE session_lane (
         payer TEXT NOT NULL,
         session TEXT NOT NULL,
         lane TEXT NOT NULL,
         claimed TEXT NOT NULL,          -- all that was claimed of it; it only grows
         claim INTEGER NOT NULL,         -- the number of the claim that paid the last of it
         PRIMARY KEY (payer, session, lane)
       ) STRICT, WITHOUT ROWID;
CREATE TABLE sweep (payer TEXT NOT NULL, nonce TEXT NOT NULL) STRICT;
CREATE INDEX mandate_deadline ON mandate (capture_deadline);
CREATE INDEX payment_cancelled ON payment (payer) WHERE state = 'cancelled' AND session IS NULL;
CREATE INDEX payment_held ON payment (capture_deadline) WHERE state = 'held';
CREATE UNIQUE INDEX refund_id ON refund (payee, id);
CREATE INDEX refund_payment ON refund (payee, refund_of);
CREATE UNIQUE INDEX session_claim_digest ON session_claim (payer, session, claim_digest);
CREATE INDEX session_end ON session (ends_at) WHERE state <> 'closed';
CREATE INDEX session_kept ON session (claim_deadline) WHERE state = 'closed';
CREATE INDEX session_mandate ON session (payer, mandate) WHERE state <> 'closed';
INSERT INTO account VALUES ('32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', '750', '0', 2, '8864a7dc58e25820390ebfcc6bbb5915a2d8bffb3137adc478ec1a4b9d47a327', 0);
INSERT INTO account VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '180', '50', 3, '0f0043cd6b0ad4852ee1285f65eb345770d9cd3658b6ae715acf2a407af2f7a7', 0);
INSERT INTO account VALUES ('8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '70', '0', 2, 'b971ffc521844b18a98b52542865dfffb28c87452788a9c8331d2fb0981b054d', 0);
INSERT INTO clock VALUES (1760000000, 1760000000);
INSERT INTO genesis VALUES ('1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e', '32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', '1000', 0, 1);
INSERT INTO journal VALUES ('32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', 1, 'genesis', '32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', '1000', '1000', NULL, NULL, '5885679a2a003da48f1ad4794cba1a8fbc4acdef1ad6b53c3d4dfe63431b2553', NULL, 1760000000, '1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e', 'c77cacb55a62e4316bd7cefd2bb6fcedf35a73eae030546dcf64cc4cba2cc28a', NULL, NULL, NULL, NULL, NULL);
INSERT INTO journal VALUES ('32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', 2, 'debit', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '250', '750', '65d39f2737adadd5f6aef7ef9d497591ad4ec030200431117472b8e85319537b', NULL, '28de304aca896f08bc05cf3ecfa60c9f3fca0709077f555c7ad010bb68830f69', NULL, 1760000000, 'c77cacb55a62e4316bd7cefd2bb6fcedf35a73eae030546dcf64cc4cba2cc28a', '8864a7dc58e25820390ebfcc6bbb5915a2d8bffb3137adc478ec1a4b9d47a327', NULL, NULL, NULL, NULL, NULL);
INSERT INTO journal VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', 1, 'credit', '32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', '250', '250', '65d39f2737adadd5f6aef7ef9d497591ad4ec030200431117472b8e85319537b', NULL, '28de304aca896f08bc05cf3ecfa60c9f3fca0709077f555c7ad010bb68830f69', NULL, 1760000000, '1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e', '2a969a39d5542cdd3d4a82375314dfbcb7faa6dffd92f14a0b73d6ffa3b5d43f', NULL, NULL, NULL, NULL, NULL);
INSERT INTO journal VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', 2, 'debit', '8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '30', '220', 'c932dbbae91bcc55cebdcac6e791962e2fef0d3763fc4accd000cbf0311aedef', NULL, '37bdeebed2641b36a5b27e08ac525ed201249debcf7e561f02c16e7821d6a34b', NULL, 1760000001, '2a969a39d5542cdd3d4a82375314dfbcb7faa6dffd92f14a0b73d6ffa3b5d43f', '25d95ad1ad6b1ee3139df24b1709fde20c6edba0669fb821389fb5b83564356a', NULL, 'claim', NULL, NULL, '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1');
INSERT INTO journal VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', 3, 'debit', '8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '40', '180', 'a4eb91d858c90a6bf09b461c1df7be99bf1c99b608bedb4681164e55d960efe9', NULL, '7d8cfc9e0f2dd6b12c3ea3bc908e555156ce6baa71899bd17bc82d945bddd6de', NULL, 1760000002, '25d95ad1ad6b1ee3139df24b1709fde20c6edba0669fb821389fb5b83564356a', '0f0043cd6b0ad4852ee1285f65eb345770d9cd3658b6ae715acf2a407af2f7a7', NULL, 'claim', NULL, NULL, '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1');
INSERT INTO journal VALUES ('8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', 1, 'credit', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '30', '30', 'c932dbbae91bcc55cebdcac6e791962e2fef0d3763fc4accd000cbf0311aedef', NULL, '37bdeebed2641b36a5b27e08ac525ed201249debcf7e561f02c16e7821d6a34b', NULL, 1760000001, '1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e', '62bacd63991abfc7a40679bae1b504d59c1e28f8acf49cf27184942280b0f8d5', NULL, 'claim', NULL, NULL, '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1');
INSERT INTO journal VALUES ('8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', 2, 'credit', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '40', '70', 'a4eb91d858c90a6bf09b461c1df7be99bf1c99b608bedb4681164e55d960efe9', NULL, '7d8cfc9e0f2dd6b12c3ea3bc908e555156ce6baa71899bd17bc82d945bddd6de', NULL, 1760000002, '62bacd63991abfc7a40679bae1b504d59c1e28f8acf49cf27184942280b0f8d5', 'b971ffc521844b18a98b52542865dfffb28c87452788a9c8331d2fb0981b054d', NULL, 'claim', NULL, NULL, '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1');
INSERT INTO payment VALUES ('32ZsJ2yJjwuoBiWE5xnZjG9tKmK3CubbmEzgkQLyQzgD', 'e3af327effb9c366045f57c2092b4026a850b47926adf23f5554d34d74c6813c', 'settled', '65d39f2737adadd5f6aef7ef9d497591ad4ec030200431117472b8e85319537b', '4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '250', 1760000900, NULL, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 1760000900, '28de304aca896f08bc05cf3ecfa60c9f3fca0709077f555c7ad010bb68830f69', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO payment VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '000000000000000000000000000000000000000000000000000000000000000a', 'cancelled', NULL, NULL, NULL, 1760000060, NULL, NULL, NULL, 1760004500, NULL, NULL, NULL, NULL, NULL, NULL, '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1');
INSERT INTO payment VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '000000000000000000000000000000000000000000000000000000000000000b', 'cancelled', NULL, NULL, NULL, 1760000060, NULL, NULL, NULL, 1760004500, NULL, NULL, NULL, NULL, NULL, NULL, 'd593202781db39a16eb8a6314e973a710b25254e48e5fe6b974a98e12ef652d3');
INSERT INTO schema_version VALUES (14);
INSERT INTO session VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1', '000000000000000000000000000000000000000000000000000000000000000a', '{"deposit":"100","expiresAt":"1760003600","nonce":"000000000000000000000000000000000000000000000000000000000000000a","payee":"8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","receiver":"0000000000000000000000000000000000000000000000000000000000000052","signer":"0000000000000000000000000000000000000000000000000000000000000051","validAfter":"1760000000","validBefore":"1760000060","withdrawDelay":"900"}', '8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '0000000000000000000000000000000000000000000000000000000000000051', '0000000000000000000000000000000000000000000000000000000000000052', '100', '70', 'open', 1760000000, 1760000000, 1760003600, 900, 1760004500, 1760004500, NULL, NULL, NULL, NULL, 2, 2, NULL);
INSERT INTO session VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', 'd593202781db39a16eb8a6314e973a710b25254e48e5fe6b974a98e12ef652d3', '000000000000000000000000000000000000000000000000000000000000000b', '{"deposit":"20","expiresAt":"1760003600","nonce":"000000000000000000000000000000000000000000000000000000000000000b","payee":"8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR","payer":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","receiver":"0000000000000000000000000000000000000000000000000000000000000052","signer":"0000000000000000000000000000000000000000000000000000000000000051","validAfter":"1760000000","validBefore":"1760000060","withdrawDelay":"900"}', '8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR', '0000000000000000000000000000000000000000000000000000000000000051', '0000000000000000000000000000000000000000000000000000000000000052', '20', '0', 'open', 1760000002, 1760000000, 1760003600, 900, 1760004500, 1760004500, NULL, NULL, NULL, NULL, 0, 0, NULL);
INSERT INTO session_claim VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1', 1, 'c932dbbae91bcc55cebdcac6e791962e2fef0d3763fc4accd000cbf0311aedef', '37bdeebed2641b36a5b27e08ac525ed201249debcf7e561f02c16e7821d6a34b', 2, '30', 1760000001);
INSERT INTO session_claim VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1', 2, 'a4eb91d858c90a6bf09b461c1df7be99bf1c99b608bedb4681164e55d960efe9', '7d8cfc9e0f2dd6b12c3ea3bc908e555156ce6baa71899bd17bc82d945bddd6de', 3, '40', 1760000002);
INSERT INTO session_lane VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1', '0', '50', 2);
INSERT INTO session_lane VALUES ('4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi', '3527d3993e57dd6444ba72f3855896e3c5b5b6bcc6aaa277685e51b84f27bea1', '1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a', '20', 2);

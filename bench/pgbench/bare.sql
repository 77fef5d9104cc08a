-- The rows of one payment by one statement for just this shape, without the writer: what its rows,
-- indexes and triggers cost by themselves. It judges no refusal and locks in no order.
\set key random(1, 9000000000000000000)
\set a random(1, :wallets - 1)
\set b random(:a + 1, :wallets)
WITH entry AS MATERIALIZED (SELECT nextval('entries_id_seq') AS id),
payer AS (
    UPDATE accounts SET balance_minor = balance_minor - 100, version = version + 1
     WHERE id = :a AND mode = 'locked' AND balance_minor - held_minor - 100 >= floor_minor
    RETURNING balance_minor, version),
payee AS (
    UPDATE accounts SET balance_minor = balance_minor + 100, version = version + 1
     WHERE id = :b AND mode = 'locked'
    RETURNING balance_minor, version),
header AS (
    INSERT INTO answers (id, scope, key, request_hash, receipt, type, code, catalogue, happened_at,
                         facts, legs, accounts, balances)
    SELECT entry.id, 'bench', :key::text, '\x0102030405060708', :key::text, 'send_money', 1101, 'f00d',
           now(), '{}', 1, ARRAY[:a, :b]::bigint[],
           ARRAY[payer.balance_minor, payee.balance_minor]
      FROM entry, payer, payee),
said AS (
    INSERT INTO outbox (entry_id, kind, address, template, language, balance_of, due_at, facts)
    SELECT id, 'sms', '+254712000001', 'sent', 'en', :a, now(),
           '{"amount_minor": 100, "other": "BARAKA"}'
      FROM entry)
INSERT INTO legs
SELECT entry.id, :a, :b, 100, payer.version, payer.balance_minor, payee.version, payee.balance_minor,
       1, 0, 0
  FROM entry, payer, payee;

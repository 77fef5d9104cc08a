-- One of a hundred thousand wallets pays another.
\set key random(1, 9000000000000000000)
\set a random(1, :wallets - 1)
\set b random(:a + 1, :wallets)
\set d random(0, 1)
SELECT o_entry FROM ledger_post(
    'bench', :key::text, '\x0102030405060708', :key::text, 'send_money', 1101, 'f00d', now(), '{}',
    NULL, NULL, ARRAY[:a, :b]::bigint[], 2, NULL, ARRAY[1 + :d]::integer[], ARRAY[2 - :d]::integer[], '{100}',
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    '{sms}', '{+254712000001}', '{sent}', '{en}', '{"{\"amount_minor\": 100, \"other\": \"BARAKA\"}"}', ARRAY[:a]::bigint[]);

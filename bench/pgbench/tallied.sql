-- Everybody pays one tallied account.
\set key random(1, 9000000000000000000)
\set a random(1, :wallets)
SELECT o_entry FROM ledger_post(
    'bench', :key::text, '\x0102030405060708', :key::text, 'send_money', 1101, 'f00d', now(), '{}',
    NULL, NULL, ARRAY[:a, :tallied]::bigint[], 1, NULL, '{1}', '{2}', '{100}',
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    '{sms}', '{+254712000001}', '{sent}', '{en}', '{"{\"amount_minor\": 100, \"other\": \"BARAKA\"}"}', ARRAY[:a]::bigint[]);

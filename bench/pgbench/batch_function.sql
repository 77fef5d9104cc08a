-- Payments in one commit, as a bulk payout would make them: all locks first, in the one order that
-- everybody keeps, then the writer once a payment.
CREATE FUNCTION bench_batch(p_wallets integer, p_count integer) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_low  bigint[];
    v_high bigint[];
    v_done integer;
BEGIN
    SELECT array_agg(1 + floor(random() * (p_wallets / 2))::bigint),
           array_agg(1 + p_wallets / 2 + floor(random() * (p_wallets / 2))::bigint)
      INTO v_low, v_high FROM generate_series(1, p_count);
    PERFORM FROM accounts WHERE id = ANY (v_low || v_high) ORDER BY id FOR NO KEY UPDATE;
    SELECT count(p.o_entry) INTO v_done
      FROM (SELECT unnest(v_low) AS a, unnest(v_high) AS b, gen_random_uuid()::text AS key
             OFFSET 0) x
     CROSS JOIN LATERAL ledger_post(
        'bench', x.key, '\x0102030405060708', substr(x.key, 1, 32), 'send_money', 1101, 'f00d', now(),
        '{}', NULL, NULL, ARRAY[x.a, x.b], 2, NULL, '{1}', '{2}', '{100}',
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL) p;
    RETURN v_done;
END $$;

-- Payments in one commit, as a bulk payout makes them.
CREATE FUNCTION bench_batch(p_wallets integer, p_count integer) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_keys    text[];
    v_from    bigint[];
    v_to      bigint[];
    v_entries bigint[];
BEGIN
    SELECT array_agg(gen_random_uuid()::text),
           array_agg(1 + floor(random() * (p_wallets / 2))::bigint),
           array_agg(1 + p_wallets / 2 + floor(random() * (p_wallets / 2))::bigint)
      INTO v_keys, v_from, v_to FROM generate_series(1, p_count);
    SELECT o_entries INTO v_entries FROM ledger_post_many(
        'bench', v_keys, array_fill('\x0102030405060708'::bytea, ARRAY[p_count]), v_keys,
        array_fill('{}'::jsonb, ARRAY[p_count]), 'send_money', 1101, 'f00d', now(),
        ARRAY(SELECT generate_series(1, p_count)), v_from, v_to,
        array_fill(100::bigint, ARRAY[p_count]), '{}');
    RETURN cardinality(v_entries);
END $$;

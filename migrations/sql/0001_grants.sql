-- The application's role: it reads, it calls the writer, it moves outbox and inbox along. No more.

DO $$
BEGIN
    CREATE ROLE kabambe_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('GRANT kabambe_app TO %I', current_user);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'kabambe_app was not granted to %', current_user;
END $$;

DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT oid::regprocedure FROM pg_proc
                       WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\_%' LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO kabambe_app;
GRANT SELECT ON assets, accounts, shards, tail, tallies, answers, entries, idempotency, reversals, legs, postings,
    holds, usages, outbox, inbox, seals TO kabambe_app;
GRANT EXECUTE ON FUNCTION ledger_post, ledger_post_many, ledger_stored, ledger_remember, ledger_open_account, ledger_set_mode,
    ledger_fold, ledger_level, ledger_balance, ledger_balance_at, ledger_posted_at, ledger_last TO kabambe_app;
GRANT INSERT (entry_id, kind, address, template, language, facts, balance_of, due_at) ON outbox TO kabambe_app;
GRANT UPDATE (state, attempts, due_at, claimed_by, claimed_at, ended_at, provider_id, cost, text,
    segments, error) ON outbox TO kabambe_app;
GRANT INSERT (kind, natural_key, body, due_at) ON inbox TO kabambe_app;
GRANT UPDATE (state, attempts, due_at, claimed_by, claimed_at, ended_at, error) ON inbox TO kabambe_app;
GRANT INSERT ON seals TO kabambe_app;

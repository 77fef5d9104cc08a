-- ledger_post_many: the same as ledger_post for many plain entries of one type, all or none, in two
-- statements however many they are. Plain: between locked accounts, and credits to tallied ones.

CREATE FUNCTION ledger_post_many(
    p_scope text, p_keys text[], p_hashes bytea[], p_receipts text[], p_facts jsonb[],
    p_type text, p_code integer, p_catalogue text, p_happened_at timestamptz,
    p_entry integer[],  -- of each leg: which entry, by place, ascending
    p_from bigint[], p_to bigint[], p_amounts bigint[],
    p_hot bigint[],     -- those of the accounts that the caller believes to be tallied
    OUT o_entries bigint[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_legs    integer := cardinality(p_amounts);
    v_places  integer[];  -- of each entry: its place, where its legs begin, and how many it has
    v_first   integer[];
    v_count   integer[];
    v_pot     text[];    -- of each side of a leg, all that give first
    v_version bigint[];
    v_balance bigint[];
    v_sides   integer;
    v_short   bigint;
    v_given   boolean;
BEGIN
    SELECT array_agg(place), array_agg(first), array_agg(legs) INTO v_places, v_first, v_count
      FROM (SELECT place, min(nth) AS first, count(*) AS legs
              FROM (SELECT unnest(p_entry) AS place, generate_subscripts(p_entry, 1) AS nth) l
             GROUP BY place ORDER BY place) e;
    IF cardinality(p_keys) NOT BETWEEN 1 AND 1000 OR v_legs NOT BETWEEN 1 AND 4000
       OR v_places <> ARRAY(SELECT generate_series(1, cardinality(p_keys))) THEN
        RAISE EXCEPTION 'too many entries or legs, or none' USING ERRCODE = 'KB011';
    END IF;
    SELECT array_agg(nextval('entries_id_seq')) INTO o_entries FROM unnest(p_keys);

    -- Locked accounts are changed once each, in order of id, by all that the batch does to them; what
    -- each held after each entry follows from what it held before.
    WITH sides AS MATERIALIZED (
        SELECT unnest(p_from || p_to) AS account, unnest(p_entry || p_entry) AS place,
               unnest(ARRAY(SELECT -unnest(p_amounts)) || p_amounts) AS credit,
               generate_series(1, 2 * v_legs) AS nth),
    run AS (
        SELECT account, nth, credit, dense_rank() OVER w AS rank,
               (sum(credit) OVER w)::bigint AS credits
          FROM sides WHERE account <> ALL (p_hot) WINDOW w AS (PARTITION BY account ORDER BY place)),
    sums AS (
        SELECT account, max(rank) AS entries, sum(credit)::bigint AS credit, array_agg(nth) AS nths,
               array_agg(rank) AS ranks, array_agg(credits) AS credits
          FROM run GROUP BY account ORDER BY account),
    changed AS (
        UPDATE accounts a
           SET balance_minor = a.balance_minor + s.credit * a.sign,
               version = a.version + s.entries
          FROM sums s WHERE a.id = s.account AND a.mode = 'locked'
        RETURNING a.id, a.pot, a.sign, a.floor_minor + a.held_minor AS least,
                  a.version - s.entries AS version, a.balance_minor - s.credit * a.sign AS balance,
                  s.nths, s.ranks, s.credits),
    hot AS MATERIALIZED (
        SELECT s.nth, s.place, a.id, a.pot, s.credit * a.sign AS delta, a.floor_minor
          FROM sides s
         CROSS JOIN LATERAL (SELECT * FROM accounts
                              WHERE id = s.account AND mode = 'tallied' OFFSET 0) a
         WHERE s.account = ANY (p_hot)),
    appended AS (
        INSERT INTO tail (account_id, entry_id, delta_minor)
        SELECT id, o_entries[place], sum(delta) FROM hot GROUP BY id, place),
    known AS (
        SELECT id, unnest(nths) AS nth, pot, version + unnest(ranks) AS version,
               balance + sign * unnest(credits) AS balance, least, false AS given
          FROM changed
        UNION ALL
        SELECT id, nth, pot, NULL, NULL, NULL, delta < 0 AND floor_minor IS NOT NULL FROM hot)
    SELECT array_agg(pot ORDER BY nth), array_agg(version ORDER BY nth),
           array_agg(balance ORDER BY nth), count(*), min(id) FILTER (WHERE balance < least),
           bool_or(given)
      INTO v_pot, v_version, v_balance, v_sides, v_short, v_given FROM known;
    IF v_sides <> 2 * v_legs OR v_short IS NOT NULL OR v_given THEN
        PERFORM ledger_blame_many(p_from, p_to, p_amounts, v_short);
    END IF;

    WITH headers AS (
        INSERT INTO answers (id, scope, key, request_hash, receipt, type, code, catalogue,
                             happened_at, facts, legs)
        SELECT unnest(o_entries), p_scope, unnest(p_keys), unnest(p_hashes), unnest(p_receipts),
               p_type, p_code, p_catalogue, p_happened_at, unnest(p_facts), unnest(v_count))
    INSERT INTO legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                      to_version, to_balance, from_shard, to_shard)
    SELECT o_entries[place], 1 + n - v_first[place], from_id, to_id, minor,
           coalesce(f_version, o_entries[place]), f_balance,
           coalesce(t_version, o_entries[place]), t_balance,
           CASE WHEN f_version IS NULL THEN -1 ELSE 0 END,
           CASE WHEN t_version IS NULL THEN -1 ELSE 0 END
      FROM (SELECT unnest(p_entry) AS place, unnest(p_from) AS from_id, unnest(p_to) AS to_id,
                   unnest(p_amounts) AS minor, generate_subscripts(p_amounts, 1) AS n,
                   unnest(v_version[:v_legs]) AS f_version, unnest(v_balance[:v_legs]) AS f_balance,
                   unnest(v_version[v_legs + 1:]) AS t_version,
                   unnest(v_balance[v_legs + 1:]) AS t_balance,
                   unnest(v_pot[:v_legs]) AS f_pot, unnest(v_pot[v_legs + 1:]) AS t_pot) l
     WHERE minor > 0 AND from_id <> to_id AND f_pot = t_pot;
    GET DIAGNOSTICS v_sides = ROW_COUNT;
    IF v_sides <> v_legs THEN
        PERFORM ledger_blame_many(p_from, p_to, p_amounts, NULL);
    END IF;
END $$;
COMMENT ON FUNCTION ledger_post_many IS 'The one writer for many plain entries in one commit, all or none';

CREATE FUNCTION ledger_blame_many(
    p_from bigint[], p_to bigint[], p_amounts bigint[], p_short bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_leg record;
BEGIN
    FOR v_leg IN
        SELECT l.amount, l.from_id, l.to_id, f.pot AS from_pot, t.pot AS to_pot,
               t.mode = 'sharded' OR (f.mode <> 'locked' AND f.sign > 0 AND f.floor_minor IS NOT NULL)
               OR f.mode = 'sharded' OR (t.mode <> 'locked' AND t.sign < 0 AND t.floor_minor IS NOT NULL)
               AS given
          FROM unnest(p_from, p_to, p_amounts) l(from_id, to_id, amount)
          LEFT JOIN accounts f ON f.id = l.from_id LEFT JOIN accounts t ON t.id = l.to_id
    LOOP
        IF v_leg.from_pot IS NULL OR v_leg.to_pot IS NULL THEN
            RAISE EXCEPTION 'an account is unknown' USING ERRCODE = 'KB008';
        ELSIF v_leg.from_pot <> v_leg.to_pot THEN
            RAISE EXCEPTION 'a leg crosses books or assets' USING ERRCODE = 'KB007';
        ELSIF (v_leg.amount > 0 AND v_leg.from_id <> v_leg.to_id) IS NOT TRUE THEN
            RAISE EXCEPTION 'a leg says nothing' USING ERRCODE = 'KB011';
        ELSIF v_leg.given THEN
            RAISE EXCEPTION 'a hot account gives in no batch, nor is it sharded'
                USING ERRCODE = 'KB011';
        END IF;
    END LOOP;
    IF p_short IS NOT NULL THEN
        RAISE EXCEPTION 'account % would pass its floor', p_short USING ERRCODE = 'KB001',
            DETAIL = json_build_object('account', p_short)::text;
    END IF;
    PERFORM ledger_misplaced(p_from || p_to);
END $$;
COMMENT ON FUNCTION ledger_blame_many IS 'Say why a batch could not be written: KB001, KB007, KB008, KB010 or KB011';

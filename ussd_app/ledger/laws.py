"""The laws of the book, each as the query for the rows that break it.

Knows the shape of the tables, the names of two accounts (float/house, evalue/house), and that in
the book `billing` whatever stands before the dot of an owner says whose books they are; no product.
"""

LAWS: dict[str, str] = {
    "a leg stays in one book and one asset": """
        SELECT 'entry ' || l.entry_id || ' leg ' || l.leg,
               coalesce(f.book || '/' || f.asset, 'no account') || ' to '
               || coalesce(t.book || '/' || t.asset, 'no account')
          FROM legs l
          LEFT JOIN accounts f ON f.id = l.from_id
          LEFT JOIN accounts t ON t.id = l.to_id
         WHERE f.id IS NULL OR t.id IS NULL OR f.book <> t.book OR f.asset <> t.asset
            OR f.id = t.id OR l.amount_minor <= 0""",
    "an entry sums to zero in every book and asset": """
        SELECT 'entry ' || p.entry_id, a.book || '/' || a.asset || ' is off by '
               || sum(CASE p.side WHEN 'credit' THEN p.amount_minor ELSE -p.amount_minor END)
          FROM postings p JOIN accounts a ON a.id = p.account_id
         GROUP BY p.entry_id, a.book, a.asset
        HAVING sum(CASE p.side WHEN 'credit' THEN p.amount_minor ELSE -p.amount_minor END) <> 0""",
    "an account holds the sum of its postings": """
        SELECT 'account ' || a.id || ' ' || a.kind || '/' || a.owner,
               'holds ' || ledger_balance(a.id) || ', postings say ' || coalesce(p.minor, 0)
          FROM accounts a
          LEFT JOIN (SELECT p.account_id, sum(CASE b.side WHEN p.side THEN p.amount_minor
                                              ELSE -p.amount_minor END) AS minor
                       FROM postings p JOIN accounts b ON b.id = p.account_id
                      GROUP BY p.account_id) p ON p.account_id = a.id
         WHERE ledger_balance(a.id) <> coalesce(p.minor, 0)""",
    "versions have no gaps and no twins": """
        SELECT 'account ' || parts.account_id || ' part ' || parts.shard,
               'is at version ' || parts.version || ' after ' || coalesce(c.changes, 0)
               || ' changes, the last ' || coalesce(c.last, 0)
          FROM (SELECT id AS account_id, 0 AS shard, version FROM accounts
                UNION ALL SELECT account_id, shard, version FROM shards) parts
          LEFT JOIN (SELECT account_id, shard, count(*) AS changes, min(version) AS first,
                            max(version) AS last
                       FROM (SELECT account_id, shard, version, entry_id FROM postings
                              WHERE shard >= 0 GROUP BY 1, 2, 3, 4
                             UNION ALL SELECT account_id, shard, version, 0 FROM tallies) v
                      GROUP BY account_id, shard) c
            ON c.account_id = parts.account_id AND c.shard = parts.shard
         WHERE coalesce(c.changes, 0) <> parts.version OR coalesce(c.last, 0) <> parts.version
            OR coalesce(c.first, 1) <> 1""",
    "every balance follows from the one before": """
        SELECT 'account ' || account_id || ' part ' || shard || ' version ' || version,
               'says ' || balance_after || ' where ' || before + delta || ' follows'
          FROM (SELECT account_id, shard, version, delta, balance_after,
                       lag(balance_after, 1, 0::bigint) OVER
                           (PARTITION BY account_id, shard ORDER BY version) AS before
                  FROM (SELECT p.account_id, p.shard, p.version,
                               min(p.balance_after) AS balance_after,
                               sum(CASE a.side WHEN p.side THEN p.amount_minor
                                   ELSE -p.amount_minor END) AS delta
                          FROM postings p JOIN accounts a ON a.id = p.account_id
                         WHERE p.shard >= 0 GROUP BY 1, 2, 3
                        UNION ALL
                        SELECT account_id, shard, version, balance_after, delta_minor
                          FROM tallies) c
               ) chain WHERE balance_after <> before + delta""",
    "the last balance is the one that stands": """
        SELECT 'account ' || parts.account_id || ' part ' || parts.shard,
               'holds ' || parts.balance_minor || ', its last change says '
               || coalesce(c.balance_after, 0)
          FROM (SELECT id AS account_id, 0 AS shard, version, balance_minor FROM accounts
                UNION ALL SELECT account_id, shard, version, balance_minor FROM shards) parts
          LEFT JOIN (SELECT account_id, shard, version, balance_after FROM postings WHERE shard >= 0
                     UNION SELECT account_id, shard, version, balance_after FROM tallies) c
         USING (account_id, shard, version)
         WHERE parts.balance_minor <> coalesce(c.balance_after, 0)""",
    "no account is below its floor": """
        SELECT 'account ' || a.id || ' ' || a.kind || '/' || a.owner,
               'has ' || a.balance_minor || ' on its row with ' || a.held_minor || ' held, floor '
               || a.floor_minor
          FROM accounts a WHERE a.balance_minor - a.held_minor < a.floor_minor
        UNION ALL
        SELECT 'account ' || a.id || ' shard ' || s.shard, 'has ' || s.balance_minor
          FROM shards s JOIN accounts a ON a.id = s.account_id
         WHERE a.floor_minor IS NOT NULL AND s.balance_minor < 0
        UNION ALL
        SELECT 'account ' || a.id || ' version ' || p.version, 'had ' || p.balance_after
          FROM postings p JOIN accounts a ON a.id = p.account_id
         WHERE p.shard = 0 AND p.balance_after < a.floor_minor""",
    "what is held is what open holds promise": """
        SELECT 'account ' || a.id || ' ' || a.kind || '/' || a.owner,
               'holds back ' || a.held_minor || ', open holds say ' || coalesce(h.minor, 0)
          FROM accounts a
          LEFT JOIN (SELECT account_id, sum(amount_minor) AS minor FROM holds WHERE state = 'open'
                      GROUP BY account_id) h ON h.account_id = a.id
         WHERE a.held_minor <> coalesce(h.minor, 0)""",
    "a hold begins and ends with an entry": """
        SELECT 'hold ' || h.id, h.state || CASE WHEN b.id IS NULL THEN ', its entry is missing'
                                               ELSE ', nothing ended it' END
          FROM holds h LEFT JOIN entries b ON b.id = h.id LEFT JOIN entries e ON e.id = h.ended_by
         WHERE b.id IS NULL OR (h.state <> 'open' AND e.settles IS DISTINCT FROM h.id)
            OR (h.state = 'open' AND h.ended_by IS NOT NULL)
        UNION ALL
        SELECT 'entry ' || e.id, 'settles hold ' || e.settles || ', which says otherwise'
          FROM entries e LEFT JOIN holds h ON h.id = e.settles
         WHERE e.settles IS NOT NULL AND h.ended_by IS DISTINCT FROM e.id""",
    "what backs e-value is what is owed, in every book and asset": """
        SELECT 'book ' || book || '/' || asset,
               'debit accounts hold ' || sum(CASE side WHEN 'debit' THEN minor ELSE 0 END)
               || ', credit accounts ' || sum(CASE side WHEN 'credit' THEN minor ELSE 0 END)
          FROM (SELECT book, asset, side, ledger_balance(id) AS minor FROM accounts) a
         GROUP BY book, asset
        HAVING sum(CASE side WHEN 'debit' THEN minor ELSE -minor END) <> 0""",
    "the house's float is mirrored in its own book": """
        SELECT 'asset ' || coalesce(f.asset, e.asset),
               'float/house holds ' || coalesce(f.minor, 0) || ', evalue/house '
               || coalesce(e.minor, 0)
          FROM (SELECT asset, ledger_balance(id) AS minor FROM accounts
                 WHERE kind = 'float' AND owner = 'house') f
          FULL JOIN (SELECT asset, ledger_balance(id) AS minor FROM accounts
                      WHERE kind = 'evalue' AND owner = 'house') e ON e.asset = f.asset
         WHERE coalesce(f.minor, 0) <> coalesce(e.minor, 0)
           AND EXISTS (SELECT FROM accounts WHERE kind = 'evalue' AND owner = 'house')""",
    "an entry has the legs it says": """
        SELECT 'entry ' || coalesce(e.id, l.entry_id),
               coalesce('says ' || e.legs || ' legs', 'is missing') || ', ' || coalesce(l.n, 0)
               || ' found'
          FROM entries e
          FULL JOIN (SELECT entry_id, count(*) AS n FROM legs GROUP BY entry_id) l
            ON l.entry_id = e.id
         WHERE e.legs IS DISTINCT FROM coalesce(l.n, 0)""",
    "a key is answered by one entry, by a twin's entry, or by an outcome": """
        SELECT 'key ' || k.scope || ' ' || k.key,
               CASE WHEN k.legs >= 0 THEN 'is an entry and the twin of ' || k.twin_of
                    ELSE 'is the twin of entry ' || k.twin_of || ', which is missing' END
          FROM answers k
         WHERE k.twin_of IS NOT NULL
           AND (k.legs >= 0 OR NOT EXISTS (SELECT FROM entries e WHERE e.id = k.twin_of))""",
    "an entry told the balances that it made": """
        SELECT 'entry ' || e.id, 'told ' || coalesce(t.balance::text, 'nothing') || ' of account '
               || t.account_id || ', which had ' || p.balance_after
          FROM entries e
         CROSS JOIN LATERAL unnest(e.accounts, e.balances) t(account_id, balance)
          JOIN postings p ON p.entry_id = e.id AND p.account_id = t.account_id AND p.shard = 0
         WHERE t.balance <> p.balance_after""",
    "a reversal undoes all legs of one entry, once": """
        SELECT 'entry ' || coalesce(e.id, r.entry_id), 'reverses '
               || coalesce(e.reverses, r.reversed_id) || ' and nobody knows'
          FROM (SELECT id, reverses FROM entries WHERE reverses IS NOT NULL) e
          FULL JOIN reversals r ON r.entry_id = e.id AND r.reversed_id = e.reverses
         WHERE e.id IS NULL OR r.entry_id IS NULL
        UNION ALL
        SELECT 'entry ' || r.entry_id, 'does not undo entry ' || r.reversed_id FROM reversals r
         WHERE EXISTS (SELECT from_id, to_id, amount_minor, count(*) FROM legs
                        WHERE entry_id = r.reversed_id GROUP BY 1, 2, 3
                       EXCEPT SELECT to_id, from_id, amount_minor, count(*) FROM legs
                        WHERE entry_id = r.entry_id GROUP BY 1, 2, 3)
            OR (SELECT count(*) FROM legs WHERE entry_id = r.reversed_id)
               <> (SELECT count(*) FROM legs WHERE entry_id = r.entry_id)""",
    "nothing is orphaned": """
        SELECT 'tail of account ' || t.account_id, 'entry ' || t.entry_id || ' is missing'
          FROM tail t WHERE NOT EXISTS (SELECT FROM entries e WHERE e.id = t.entry_id)
        UNION ALL
        SELECT 'outbox ' || o.id, 'entry ' || o.entry_id || ' is missing' FROM outbox o
         WHERE o.entry_id IS NOT NULL AND NOT EXISTS (SELECT FROM entries e WHERE e.id = o.entry_id)
        UNION ALL
        SELECT 'shard ' || s.shard || ' of account ' || s.account_id, 'the account is missing'
          FROM shards s WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = s.account_id)""",
    "a leg of a biller's books stays in them": """
        SELECT 'entry ' || l.entry_id || ' leg ' || l.leg, f.owner || ' to ' || t.owner
          FROM legs l JOIN accounts f ON f.id = l.from_id JOIN accounts t ON t.id = l.to_id
         WHERE f.book = 'billing' AND split_part(f.owner, '.', 1) <> split_part(t.owner, '.', 1)""",
    "every biller's own accounts balance": """
        SELECT 'books of ' || biller,
               'debit accounts hold ' || sum(CASE side WHEN 'debit' THEN minor ELSE 0 END)
               || ', credit accounts ' || sum(CASE side WHEN 'credit' THEN minor ELSE 0 END)
          FROM (SELECT split_part(owner, '.', 1) AS biller, side, ledger_balance(id) AS minor
                  FROM accounts WHERE book = 'billing') a
         GROUP BY biller
        HAVING sum(CASE side WHEN 'debit' THEN minor ELSE -minor END) <> 0""",
    "what must be said is said within a day": """
        SELECT 'outbox ' || id, state || ' since ' || created_at FROM outbox
         WHERE state IN ('queued', 'claimed', 'sending')
           AND created_at < clock_timestamp() - interval '1 day'
           AND due_at < clock_timestamp() - interval '1 day'
        UNION ALL
        SELECT 'outbox ' || id, state || ' without a moment at which it ended' FROM outbox
         WHERE state IN ('done', 'refused', 'dead') AND ended_at IS NULL""",
}
"""Each law, and the query for the rows that break it: (subject, what is wrong)."""

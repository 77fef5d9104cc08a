-- Who of our customers works for the house, and under which name decisions are written down.

CREATE TABLE staff (
    party_id  bigint PRIMARY KEY REFERENCES parties,
    name      text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z_]{1,39}$'),
    since     timestamptz NOT NULL
);
COMMENT ON TABLE staff IS 'Parties who see the staff menu and decide applications; the name is that of decisions';

GRANT SELECT, INSERT, DELETE ON staff TO kabambe_app;

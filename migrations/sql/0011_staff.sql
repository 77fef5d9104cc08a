-- Who of our customers works for the house, and under which name decisions are written down.

CREATE TABLE staff (
    party_id  bigint PRIMARY KEY REFERENCES parties,
    name      text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z_]{1,39}$'),
    since     timestamptz NOT NULL
);
COMMENT ON TABLE staff IS 'Parties who see the staff menu and decide applications; the name is that of decisions';

CREATE TABLE sayings (
    about    text COLLATE "C" PRIMARY KEY,
    what     text COLLATE "C" NOT NULL,
    said_by  text[] NOT NULL,
    said_at  timestamptz NOT NULL
);
COMMENT ON TABLE sayings IS 'What one of the staff has said of something that takes two and has no row of its own, until another says the same';
COMMENT ON COLUMN sayings.about IS 'Its subject, such as "errand KB00001"';

GRANT SELECT, INSERT, DELETE ON staff TO kabambe_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sayings TO kabambe_app;

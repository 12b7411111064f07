"""The statements that create the tables of a store, and that bring those of older versions to the newest one."""

PASSAGE_INDEX = 'CREATE VIRTUAL TABLE passage_index USING fts5 (words, tokenize="unicode61 remove_diacritics 0")'
"""Statement that creates the full-text index."""
MIGRATIONS = [
    """
    CREATE TABLE asset (
        sha256 TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('image', 'video')),
        bytes INTEGER NOT NULL,
        properties TEXT NOT NULL,
        warnings TEXT NOT NULL,
        added_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sighting (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        uri BLOB NOT NULL,
        account TEXT, platform TEXT, url TEXT, title TEXT, text TEXT,
        posted_at TEXT, captured_at TEXT, removed_at TEXT, views INTEGER,
        source TEXT NOT NULL,
        PRIMARY KEY (sha256, uri)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE fingerprint (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        type TEXT NOT NULL,
        version TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (sha256, type, version)
    ) STRICT;
    CREATE INDEX fingerprint_by_type ON fingerprint (type, version);
    CREATE TABLE thumbnail (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        position INTEGER NOT NULL,
        seconds REAL NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (sha256, position)
    ) STRICT;
    CREATE TABLE file (
        path BLOB PRIMARY KEY,
        bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE failure (
        path BLOB PRIMARY KEY,
        kind TEXT NOT NULL,
        message TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    f"""
    CREATE TABLE sound (
        sha256 TEXT PRIMARY KEY,
        sound TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sound_by_sound ON sound (sound);
    CREATE TABLE transcript (
        sound TEXT NOT NULL,
        version TEXT NOT NULL,
        model TEXT NOT NULL,
        rank INTEGER NOT NULL,
        data TEXT NOT NULL,
        words_version TEXT NOT NULL,
        words BLOB NOT NULL,
        made_at TEXT NOT NULL,
        PRIMARY KEY (sound, version)
    ) STRICT;
    CREATE TABLE passage (
        id INTEGER PRIMARY KEY,
        holder TEXT NOT NULL,
        source TEXT NOT NULL CHECK (source IN ('speech', 'picture')),
        start REAL NOT NULL,
        end REAL NOT NULL,
        text TEXT NOT NULL,
        times TEXT,
        next INTEGER
    ) STRICT;
    CREATE INDEX passage_by_holder ON passage (holder);
    {PASSAGE_INDEX};
    """,
    """
    CREATE TABLE ledger (
        path BLOB PRIMARY KEY,
        bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        version TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('done', 'skipped', 'failed')),
        sha256 TEXT REFERENCES asset ON DELETE CASCADE,
        kind TEXT,
        message TEXT,
        attempts INTEGER NOT NULL,
        last_at TEXT NOT NULL,
        CHECK ((state = 'done') = (sha256 IS NOT NULL)),
        CHECK ((state = 'failed') = (kind IS NOT NULL)),
        CHECK ((state = 'failed') = (message IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    INSERT INTO ledger
        SELECT path, file.bytes, modified_ns, '1', 'done', sha256, NULL, NULL, 1, added_at
        FROM file JOIN asset USING (sha256);
    -- A file may have been ingested, and have failed after a change. No file has -1 bytes: it is tried again.
    INSERT OR REPLACE INTO ledger
        SELECT path, -1, -1, '1', 'failed', NULL, kind, message, attempts, last_at FROM failure;
    DROP TABLE file;
    DROP TABLE failure;
    CREATE TABLE log (
        n INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        what TEXT NOT NULL,
        details TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER log_is_in_order BEFORE INSERT ON log
        WHEN NEW.n IS NOT (SELECT coalesce(max(n), 0) + 1 FROM log)
        BEGIN SELECT RAISE (ABORT, 'the log is only added to, in order'); END;
    CREATE TRIGGER log_is_not_changed BEFORE UPDATE ON log
        BEGIN SELECT RAISE (ABORT, 'the log is only added to'); END;
    CREATE TRIGGER log_is_not_cut BEFORE DELETE ON log
        BEGIN SELECT RAISE (ABORT, 'the log is only added to'); END;
    """,
    """
    CREATE TABLE picture_text (
        sha256 TEXT PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
        version TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE post_text (
        sha256 TEXT PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT;
    ALTER TABLE sighting ADD COLUMN text_sha256 TEXT REFERENCES post_text;
    INSERT OR IGNORE INTO post_text SELECT text_sha256(text), text FROM sighting WHERE text IS NOT NULL;
    UPDATE sighting SET text_sha256 = text_sha256(text) WHERE text IS NOT NULL;
    ALTER TABLE sighting DROP COLUMN text;
    DROP INDEX fingerprint_by_type;
    CREATE INDEX fingerprint_by_type ON fingerprint (type, version, sha256);
    """,
    """
    CREATE TABLE kept_match (
        a TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        b TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        channel TEXT NOT NULL CHECK (channel IN ('picture', 'script')),
        promise REAL NOT NULL,
        a_is_query INTEGER NOT NULL CHECK (a_is_query IN (0, 1)),
        relation TEXT NOT NULL,
        verdict TEXT NOT NULL,
        probability REAL NOT NULL,
        coverage_a REAL NOT NULL,
        coverage_b REAL NOT NULL,
        evidence TEXT NOT NULL,
        version TEXT NOT NULL,
        kept_at TEXT NOT NULL,
        PRIMARY KEY (a, b, channel),
        CHECK (a < b)
    ) STRICT;
    CREATE INDEX kept_match_by_b ON kept_match (b, channel, promise);
    CREATE INDEX kept_match_by_a ON kept_match (a, channel, promise);
    CREATE TABLE comparison (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        channel TEXT NOT NULL CHECK (channel IN ('picture', 'script')),
        version TEXT NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (sha256, channel)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX comparison_by_version ON comparison (channel, version);
    INSERT INTO comparison SELECT sha256, 'picture', 'none', 1 FROM asset;
    INSERT INTO comparison SELECT DISTINCT sound.sha256, 'script', 'none', 1
        FROM sound JOIN asset USING (sha256) JOIN transcript USING (sound);
    CREATE TABLE cluster_member (
        sha256 TEXT PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
        cluster INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE last_cluster (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        cluster INTEGER NOT NULL
    ) STRICT;
    """,
    """
    DROP INDEX kept_match_by_a;
    DROP INDEX kept_match_by_b;
    ALTER TABLE kept_match RENAME TO older_kept_match;
    CREATE TABLE kept_match (
        a TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        b TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        channel TEXT NOT NULL CHECK (channel IN ('picture', 'voice', 'script')),
        promise REAL NOT NULL,
        a_is_query INTEGER NOT NULL CHECK (a_is_query IN (0, 1)),
        relation TEXT NOT NULL,
        verdict TEXT NOT NULL,
        probability REAL NOT NULL,
        coverage_a REAL NOT NULL,
        coverage_b REAL NOT NULL,
        evidence TEXT NOT NULL,
        version TEXT NOT NULL,
        kept_at TEXT NOT NULL,
        PRIMARY KEY (a, b, channel),
        CHECK (a < b)
    ) STRICT;
    INSERT INTO kept_match SELECT * FROM older_kept_match;
    DROP TABLE older_kept_match;
    CREATE INDEX kept_match_by_b ON kept_match (b, channel, promise);
    CREATE INDEX kept_match_by_a ON kept_match (a, channel, promise);
    DROP INDEX comparison_by_version;
    ALTER TABLE comparison RENAME TO older_comparison;
    CREATE TABLE comparison (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        channel TEXT NOT NULL CHECK (channel IN ('picture', 'voice', 'script')),
        version TEXT NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (sha256, channel)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO comparison SELECT * FROM older_comparison;
    DROP TABLE older_comparison;
    CREATE INDEX comparison_by_version ON comparison (channel, version);
    INSERT INTO comparison SELECT sha256, 'voice', 'none', 1 FROM asset WHERE kind = 'video';
    CREATE TABLE video_text (
        sha256 TEXT PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
        version TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    DROP INDEX passage_by_holder;
    ALTER TABLE passage RENAME TO older_passage;
    CREATE TABLE passage (
        id INTEGER PRIMARY KEY,
        holder TEXT NOT NULL,
        source TEXT NOT NULL CHECK (source IN ('speech', 'picture', 'screen')),
        start REAL NOT NULL,
        end REAL NOT NULL,
        text TEXT NOT NULL,
        times TEXT,
        next INTEGER
    ) STRICT;
    INSERT INTO passage SELECT * FROM older_passage;
    DROP TABLE older_passage;
    CREATE INDEX passage_by_holder ON passage (holder);
    """,
    """
    ALTER TABLE sighting RENAME TO older_sighting;
    CREATE TABLE sighting (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        uri BLOB NOT NULL,
        position INTEGER NOT NULL,
        platform TEXT, account TEXT, account_id TEXT, account_name TEXT, url TEXT, post_id TEXT,
        posted_at TEXT, captured_at TEXT, removed_at TEXT, title TEXT,
        text_sha256 TEXT REFERENCES post_text,
        language TEXT, views INTEGER,
        role TEXT CHECK (role IN ('original', 'repost')),
        source TEXT NOT NULL,
        PRIMARY KEY (sha256, uri, position)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO sighting (sha256, uri, position, platform, account, url, posted_at, captured_at, removed_at, title,
                          text_sha256, views, source)
        SELECT sha256, uri, 0, platform, account, url, posted_at, captured_at, removed_at, title, text_sha256, views, source
        FROM older_sighting;
    DROP TABLE older_sighting;
    CREATE INDEX sighting_by_uri ON sighting (uri);
    CREATE INDEX sighting_by_text ON sighting (text_sha256);
    CREATE INDEX sighting_by_account ON sighting (platform, account_id, account);
    CREATE TABLE clue (
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        uri BLOB NOT NULL,
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        source TEXT NOT NULL,
        trust TEXT NOT NULL CHECK (trust IN ('high', 'medium', 'low')),
        PRIMARY KEY (sha256, uri, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX clue_by_value ON clue (kind, value);
    DROP INDEX passage_by_holder;
    ALTER TABLE passage RENAME TO older_passage;
    CREATE TABLE passage (
        id INTEGER PRIMARY KEY,
        holder TEXT NOT NULL,
        source TEXT NOT NULL CHECK (source IN ('speech', 'picture', 'screen', 'title', 'post', 'account', 'clue')),
        start REAL NOT NULL,
        end REAL NOT NULL,
        text TEXT NOT NULL,
        times TEXT,
        next INTEGER
    ) STRICT;
    INSERT INTO passage SELECT * FROM older_passage;
    DROP TABLE older_passage;
    CREATE INDEX passage_by_holder ON passage (holder);
    INSERT INTO passage (holder, source, start, end, text) SELECT sha256, 'post', 0, 0, text FROM post_text ORDER BY 1;
    INSERT INTO passage (holder, source, start, end, text)
        SELECT DISTINCT sha256, 'title', 0, 0, title FROM sighting WHERE title <> '' ORDER BY 1, 5;
    INSERT INTO passage (holder, source, start, end, text)
        SELECT DISTINCT sha256, 'account', 0, 0, account FROM sighting WHERE account <> '' ORDER BY 1, 5;
    -- Variant characters and numbers have another form than in older versions.
    DELETE FROM passage_index;
    INSERT INTO passage_index (rowid, words)
        SELECT p.id, indexed_words(p.text, n.text) FROM passage p LEFT JOIN passage n ON n.id = p.next ORDER BY p.id;
    """,
    """
    -- Without a reference to the assets: a decision holds too when a forgotten file comes again.
    CREATE TABLE decision (
        subject TEXT NOT NULL CHECK (subject IN ('match', 'group', 'iteration')),
        a TEXT NOT NULL,
        b TEXT NOT NULL CHECK (a < b),
        decision TEXT NOT NULL CHECK (decision IN ('confirm', 'reject', 'unsure')),
        note TEXT NOT NULL,
        decided_by TEXT NOT NULL,
        decided_at TEXT NOT NULL,
        act TEXT NOT NULL,
        evidence TEXT NOT NULL,
        numbers TEXT NOT NULL,
        before TEXT,
        PRIMARY KEY (subject, a, b)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX decision_by_other ON decision (subject, b);
    CREATE INDEX decision_by_act ON decision (act) WHERE act != '';
    -- It has all columns that the list of doubtful matches reads: the rows themselves are large.
    CREATE INDEX kept_match_in_doubt ON kept_match (probability, a, b, channel, relation, verdict)
        WHERE verdict = 'possible' OR (probability >= 0.3 AND probability < 0.9);
    CREATE TABLE recalibration (
        family TEXT PRIMARY KEY,
        slope REAL NOT NULL CHECK (slope > 0),
        intercept REAL NOT NULL,
        decisions INTEGER NOT NULL,
        fitted_at TEXT NOT NULL,
        version TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watch (
        name TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('asset', 'text', 'account', 'hashes')),
        value TEXT NOT NULL,
        added_at TEXT NOT NULL,
        counted_from TEXT NOT NULL,
        checked INTEGER NOT NULL,
        quarantine TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watch_hit (
        watch TEXT NOT NULL REFERENCES watch ON DELETE CASCADE,
        sha256 TEXT NOT NULL REFERENCES asset ON DELETE CASCADE,
        uri BLOB NOT NULL,
        why TEXT NOT NULL,
        relation TEXT, verdict TEXT, probability REAL,
        is_news INTEGER NOT NULL CHECK (is_news IN (0, 1)),
        found_at TEXT NOT NULL,
        reported_at TEXT,
        PRIMARY KEY (watch, sha256, uri)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX watch_hit_by_asset ON watch_hit (sha256);
    -- Blocks of hashes of one list and algorithm, with a JSON list of their labels.
    CREATE TABLE listed_hash (
        id INTEGER PRIMARY KEY,
        list TEXT NOT NULL,
        algorithm TEXT NOT NULL CHECK (algorithm IN ('pdq', 'phash', 'dhash', 'sha256')),
        hashes BLOB NOT NULL,
        labels TEXT NOT NULL
    ) STRICT;
    """,
    """
    DROP INDEX sound_by_sound;
    ALTER TABLE sound RENAME TO older_sound;
    -- The sounds of a file, that which players play at position 0; a file without audio has one row with an empty sound.
    CREATE TABLE sound (
        sha256 TEXT NOT NULL,
        position INTEGER NOT NULL,
        track INTEGER NOT NULL,
        channel INTEGER,
        -- Unknown if an older version decoded the file; it did not look for further sounds either.
        start REAL,
        sound TEXT NOT NULL,
        -- Position of the sound whose words it has at the same times.
        repeats INTEGER,
        PRIMARY KEY (sha256, position)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO sound (sha256, position, track, sound) SELECT sha256, 0, 0, sound FROM older_sound;
    DROP TABLE older_sound;
    CREATE INDEX sound_by_sound ON sound (sound);
    -- Transcripts of older versions have the times of one of the files with the sound.
    ALTER TABLE transcript ADD COLUMN has_file_times INTEGER NOT NULL DEFAULT 0 CHECK (has_file_times IN (0, 1));
    UPDATE transcript SET has_file_times = 1;
    """,
    """
    -- Pairs that no worker could compare.
    CREATE INDEX kept_match_that_was_lost ON kept_match (a, b, channel) WHERE verdict = 'lost';
    """,
    """
    -- Assets of such pairs whose other asset was forgotten.
    CREATE TABLE suspect (sha256 TEXT PRIMARY KEY REFERENCES asset ON DELETE CASCADE) STRICT, WITHOUT ROWID;
    -- Older versions stated 1 where bytes differ.
    UPDATE watch_hit SET probability = 0.999999
        WHERE probability > 0.999999 AND sha256 != (SELECT value FROM watch WHERE name = watch_hit.watch);
    """,
]
"""Statements from each schema version to the next; the first ones create the tables of version 1."""

-- +goose Up
-- One row, which says how often users and groups were changed, but for new hashes
-- of the same passwords.
CREATE TABLE user_revision (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT  NOT NULL
);
INSERT INTO user_revision (id, revision) VALUES (1, 0);
CREATE INDEX users_by_email ON users (email);

-- +goose Down
DROP INDEX users_by_email;
DROP TABLE user_revision;

-- Instants are milliseconds since 1970 in UTC; 0 means unknown.

-- +goose Up
CREATE TABLE users (
    id               TEXT    NOT NULL PRIMARY KEY,
    login            TEXT    NOT NULL,
    login_folded     TEXT    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    email            TEXT    NOT NULL,
    service          BOOLEAN NOT NULL,
    superuser        BOOLEAN NOT NULL,
    disabled         BOOLEAN NOT NULL,
    password_hash    TEXT    NOT NULL,
    password_changed BIGINT  NOT NULL,
    created          BIGINT  NOT NULL,
    updated          BIGINT  NOT NULL
);

CREATE TABLE groups (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    name_folded TEXT   NOT NULL UNIQUE,
    created     BIGINT NOT NULL
);

CREATE TABLE group_users (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_users_by_user ON group_users (user_id, group_id);

CREATE TABLE group_groups (
    group_id  TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, member_id),
    CHECK (group_id <> member_id)
);
CREATE INDEX group_groups_by_member ON group_groups (member_id, group_id);

-- +goose Down
DROP TABLE group_groups;
DROP TABLE group_users;
DROP TABLE groups;
DROP TABLE users;

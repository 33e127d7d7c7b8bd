-- Dagster's history has a database of its own: it and the market tables each keep the version of their schema.
CREATE DATABASE dagster;

-- SPDX-License-Identifier: MIT
-- Three roles with what each needs and no more, for psql, by a superuser, connected to the database:
--
--   createdb -T template0 -E UTF8 sovereign_dns
--   psql -d sovereign_dns -f roles.sql        (before the tables are made: schema and roles)
--   sdnsctl --database postgresql://sdns_pdm@host/sovereign_dns database init
--   psql -d sovereign_dns -f roles.sql        (again: what each may do; also after an update that changed the schema)
--
-- sdns_pdm     owns the tables: applies migrations, does everything.
-- sdns_editor  a name server whose PowerDNS may edit, and sdnsctl: zones, records, metadata, keys, TSIG keys, target pools.
-- sdns_node    a name server: reads everything; writes that it is there, what it probed, what operators say of targets,
--              leases, and of zones only what was notified and checked.
--
-- Passwords, certificates and pg_hba.conf are the operator's: `ALTER ROLE sdns_node PASSWORD …`. All three read private keys
-- and TSIG secrets, as name servers sign with them: use TLS (sslmode=verify-full) off the machine.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

DO $$
DECLARE
  role TEXT;
BEGIN
  FOREACH role IN ARRAY ARRAY['sdns_pdm', 'sdns_editor', 'sdns_node'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = sovereign_dns', role, current_database());
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;

CREATE SCHEMA IF NOT EXISTS sovereign_dns AUTHORIZATION sdns_pdm;
REVOKE ALL ON SCHEMA sovereign_dns FROM PUBLIC;
GRANT USAGE ON SCHEMA sovereign_dns TO sdns_editor, sdns_node;

-- Nothing is left over from an older file.
REVOKE ALL ON ALL TABLES IN SCHEMA sovereign_dns FROM sdns_editor, sdns_node;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA sovereign_dns FROM sdns_editor, sdns_node;
GRANT SELECT ON ALL TABLES IN SCHEMA sovereign_dns TO sdns_editor, sdns_node;

-- Tables that this version does not have are left out.
CREATE FUNCTION pg_temp.allow(what TEXT, relations TEXT[], roles TEXT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation TEXT;
BEGIN
  FOREACH relation IN ARRAY relations LOOP
    IF to_regclass('sovereign_dns.' || relation) IS NOT NULL THEN
      EXECUTE format('GRANT %s ON sovereign_dns.%I TO %s', what, relation, roles);
    END IF;
  END LOOP;
END $$;

-- Every edit that is served gives a revision; the floor of the journal is the owner's to move.
SELECT pg_temp.allow('INSERT', ARRAY['journal', 'change'], 'sdns_editor, sdns_node'),
       pg_temp.allow('UPDATE (revision)', ARRAY['zone', 'target_pool', 'health_override'], 'sdns_editor, sdns_node'),
       pg_temp.allow('UPDATE (notified_serial, last_check)', ARRAY['zone'], 'sdns_node'),
       pg_temp.allow('INSERT, UPDATE, DELETE', ARRAY['node', 'verdict', 'health_override', 'lease'],
                     'sdns_editor, sdns_node'),
       pg_temp.allow('INSERT, UPDATE, DELETE',
                     ARRAY['zone', 'record', 'zone_metadata', 'cryptokey', 'tsig_key', 'autoprimary', 'target_pool',
                           'pool_option', 'pool_member', 'pool_check'],
                     'sdns_editor'),
       pg_temp.allow('INSERT', ARRAY['meta'], 'sdns_editor')  -- that secrets are sealed from now on
  \g /dev/null

-- What PDM keeps is its own.
DO $$
DECLARE
  relation TEXT;
BEGIN
  FOREACH relation IN ARRAY ARRAY['allocation', 'idempotency', 'audit', 'task', 'api_token'] LOOP
    IF to_regclass('sovereign_dns.' || relation) IS NOT NULL THEN
      EXECUTE format('REVOKE ALL ON sovereign_dns.%I FROM sdns_editor, sdns_node', relation);
    END IF;
  END LOOP;
END $$;

SELECT format('GRANT USAGE ON SEQUENCE sovereign_dns.%I TO sdns_editor', relname)
  FROM pg_class WHERE relkind = 'S' AND relnamespace = 'sovereign_dns'::regnamespace \gexec

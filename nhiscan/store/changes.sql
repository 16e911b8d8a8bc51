-- What changed between two saved runs.  `old_*` and `new_*` are their tables; `hidden` says what a run could not see:
-- `side` is the run that is blind, `part` what it cannot tell of (identity, credential, permission, owner), `source` the
-- collector (NULL: whichever), `subject` or `path` the one thing it is about (NULL: all).  Everything is joined by
-- equality, so that a million identities take seconds.

CREATE TABLE change (
  part VARCHAR, change VARCHAR, id VARCHAR, scope_id VARCHAR, kind VARCHAR, name VARCHAR, provider VARCHAR, how VARCHAR,
  old VARCHAR, new VARCHAR, gained VARCHAR[], lost VARCHAR[], reason VARCHAR, remedy VARCHAR
);

-- thing: what is in one run alone.  A credential that analysis joined with another place of it is not gone.
CREATE TABLE single AS
SELECT 'identity' AS part, coalesce(o.id, n.id) AS id, CASE WHEN n.id IS NULL THEN 'new' ELSE 'old' END AS blind
FROM (SELECT id FROM old_identity) AS o FULL JOIN (SELECT id FROM new_identity) AS n ON n.id = o.id
WHERE o.id IS NULL OR n.id IS NULL
UNION ALL
SELECT 'credential', coalesce(o.id, n.id), CASE WHEN n.id IS NULL THEN 'new' ELSE 'old' END
FROM (SELECT id FROM old_credential) AS o FULL JOIN (SELECT id FROM new_credential) AS n ON n.id = o.id
WHERE o.id IS NULL OR n.id IS NULL;

CREATE TABLE thing AS
WITH alone AS (
  SELECT 'new' AS blind, 'identity' AS part, o.id, o.scope_id, o.source, o.locator, o.kind, o.name, o.provider,
    NULL::VARCHAR AS identity_id, NULL::TIMESTAMP AS issued_at, 'static' AS lifetime
  FROM old_identity AS o SEMI JOIN single AS s ON s.id = o.id AND s.part = 'identity' AND s.blind = 'new'
  UNION ALL
  SELECT 'old', 'identity', o.id, o.scope_id, o.source, o.locator, o.kind, o.name, o.provider, NULL, NULL, 'static'
  FROM new_identity AS o SEMI JOIN single AS s ON s.id = o.id AND s.part = 'identity' AND s.blind = 'old'
  UNION ALL
  SELECT 'new', 'credential', o.id, o.scope_id, o.source, o.locator, o.kind, o.name, o.provider, o.identity_id, o.issued_at,
    coalesce(o.lifetime, 'static')
  FROM old_credential AS o SEMI JOIN single AS s ON s.id = o.id AND s.part = 'credential' AND s.blind = 'new'
  ANTI JOIN new_cluster AS c ON c.member_id = o.id
  UNION ALL
  SELECT 'old', 'credential', o.id, o.scope_id, o.source, o.locator, o.kind, o.name, o.provider, o.identity_id, o.issued_at,
    coalesce(o.lifetime, 'static')
  FROM new_credential AS o SEMI JOIN single AS s ON s.id = o.id AND s.part = 'credential' AND s.blind = 'old'
  ANTI JOIN old_cluster AS c ON c.member_id = o.id
)
SELECT a.*, regexp_replace(a.locator, ':[0-9]+$', '') AS path FROM alone AS a;

-- exposed: the files in which those credentials lie.
CREATE TABLE exposed AS
SELECT 'new' AS blind, e.credential_id AS id, e.scope_id, e.uri, coalesce(e.key_name, '') AS key_name
FROM old_exposure AS e SEMI JOIN thing AS t ON t.id = e.credential_id AND t.part = 'credential' AND t.blind = 'new'
UNION
SELECT 'old', e.credential_id, e.scope_id, e.uri, coalesce(e.key_name, '')
FROM new_exposure AS e SEMI JOIN thing AS t ON t.id = e.credential_id AND t.part = 'credential' AND t.blind = 'old';

-- unseen: which of these the other run could not have seen.
CREATE TABLE unseen AS
WITH reasons AS (
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.scope_id = t.scope_id AND h.source = t.source
  WHERE h.subject IS NULL AND h.prefix IS NULL AND h.path IS NULL
  UNION ALL
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.subject = t.id
  UNION ALL
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.subject = t.identity_id
  UNION ALL
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.scope_id = t.scope_id AND h.source = t.source
    AND starts_with(t.id, h.prefix)
  UNION ALL
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.scope_id = t.scope_id AND h.path = t.path
  UNION ALL
  SELECT t.blind, t.part, t.id, h.reason, h.remedy
  FROM thing AS t JOIN exposed AS e ON e.id = t.id AND e.blind = t.blind
  JOIN hidden AS h ON h.side = t.blind AND h.part = t.part AND h.scope_id = e.scope_id AND h.path = e.uri
  WHERE t.part = 'credential'
)
SELECT r.blind, r.part, r.id, min(r.reason) AS reason, min_by(r.remedy, r.reason) AS remedy
FROM reasons AS r GROUP BY r.blind, r.part, r.id;

-- replaced: a credential that is gone, and the new one in its slot: of the same kind and identity, or in the same file
-- under the same name.  What the new run could not see is not gone, so nothing has replaced it.
CREATE TABLE replaced AS
WITH gone AS (
  SELECT t.* FROM thing AS t ANTI JOIN unseen AS u ON u.id = t.id AND u.part = t.part AND u.blind = t.blind
  WHERE t.part = 'credential' AND t.blind = 'new' AND t.lifetime = 'static'
),
fresh AS (SELECT t.* FROM thing AS t WHERE t.part = 'credential' AND t.blind = 'old' AND t.lifetime = 'static'),
ranked_gone AS (
  SELECT g.id, g.identity_id, g.kind, row_number() OVER (PARTITION BY g.identity_id, g.kind ORDER BY g.issued_at, g.id) AS n
  FROM gone AS g WHERE g.identity_id IS NOT NULL
),
ranked_fresh AS (
  SELECT f.id, f.identity_id, f.kind, row_number() OVER (PARTITION BY f.identity_id, f.kind ORDER BY f.issued_at, f.id) AS n
  FROM fresh AS f WHERE f.identity_id IS NOT NULL
),
by_identity AS (
  SELECT g.id AS old_id, f.id AS new_id FROM ranked_gone AS g
  JOIN ranked_fresh AS f ON f.identity_id = g.identity_id AND f.kind = g.kind AND f.n = g.n
),
by_place AS (
  SELECT g.id AS old_id, min(f.id) AS new_id
  FROM gone AS g
  JOIN exposed AS a ON a.id = g.id AND a.blind = 'new'
  JOIN exposed AS b ON b.scope_id = a.scope_id AND b.uri = a.uri AND b.key_name = a.key_name AND b.blind = 'old'
  JOIN fresh AS f ON f.id = b.id
  GROUP BY g.id
),
both_ways AS (
  SELECT old_id, new_id, 'the credential of its identity was replaced' AS how, 0 AS n FROM by_identity
  UNION ALL
  SELECT old_id, new_id, 'another credential stands in its place', 1 FROM by_place
),
once AS (
  SELECT *, row_number() OVER (PARTITION BY old_id ORDER BY n, new_id) AS a FROM both_ways
)
SELECT old_id, new_id, how FROM once WHERE a = 1
QUALIFY row_number() OVER (PARTITION BY new_id ORDER BY n, old_id) = 1;

INSERT INTO change
SELECT t.part, CASE WHEN u.id IS NOT NULL THEN 'not_seen' ELSE 'gone' END, t.id, t.scope_id, t.kind, t.name, t.provider,
  NULL, NULL, NULL, NULL, NULL, u.reason, u.remedy
FROM thing AS t
LEFT JOIN unseen AS u ON u.id = t.id AND u.part = t.part AND u.blind = t.blind
ANTI JOIN replaced AS r ON r.old_id = t.id AND t.part = 'credential'
WHERE t.blind = 'new';

-- What is new, with the reason when the old run could not have seen it.
INSERT INTO change
SELECT t.part, 'new', t.id, t.scope_id, t.kind, t.name, t.provider, NULL, NULL, NULL, NULL, NULL, u.reason, u.remedy
FROM thing AS t
LEFT JOIN unseen AS u ON u.id = t.id AND u.part = t.part AND u.blind = t.blind
ANTI JOIN replaced AS r ON r.new_id = t.id AND t.part = 'credential'
WHERE t.blind = 'old';

INSERT INTO change
SELECT 'credential', 'rotated', n.id, n.scope_id, n.kind, n.name, n.provider, r.how, r.old_id, r.new_id, NULL, NULL, NULL, NULL
FROM replaced AS r JOIN new_credential AS n ON n.id = r.new_id;

-- The same id with another value, public key id or date of the issuer.  Digests are compared when one key made them.
INSERT INTO change
WITH pair AS (
  SELECT n.id, n.scope_id, n.kind, n.name, n.provider,
    CASE WHEN $same_key AND o.fingerprint <> n.fingerprint THEN 'its value changed'
      WHEN o.key_id <> n.key_id THEN 'its public key id changed'
      WHEN n.rotated_at > o.rotated_at OR n.issued_at > o.issued_at THEN 'its issuer gives a later date' END AS how,
    CASE WHEN o.key_id <> n.key_id THEN o.key_id ELSE coalesce(o.rotated_at, o.issued_at)::VARCHAR END AS old,
    CASE WHEN o.key_id <> n.key_id THEN n.key_id ELSE coalesce(n.rotated_at, n.issued_at)::VARCHAR END AS new
  FROM old_credential AS o JOIN new_credential AS n ON n.id = o.id
  WHERE coalesce(n.lifetime, 'static') = 'static' AND (o.fingerprint <> n.fingerprint OR o.key_id <> n.key_id
    OR n.rotated_at > o.rotated_at OR n.issued_at > o.issued_at)
)
SELECT 'credential', 'rotated', p.id, p.scope_id, p.kind, p.name, p.provider, p.how, p.old, p.new, NULL, NULL, NULL, NULL
FROM pair AS p WHERE p.how IS NOT NULL;

-- differing: the identities (by hash) whose grants are not the same: for each run the sum of hashes over its grants.
CREATE TABLE differing AS
WITH old_sum AS (SELECT who, sum(h) AS s, count(*) AS n FROM old_granted GROUP BY who),
new_sum AS (SELECT who, sum(h) AS s, count(*) AS n FROM new_granted GROUP BY who)
SELECT coalesce(o.who, n.who) AS who
FROM old_sum AS o FULL JOIN new_sum AS n ON n.who = o.who
WHERE o.s IS DISTINCT FROM n.s OR o.n IS DISTINCT FROM n.n;

CREATE TABLE able AS
WITH said AS (
  SELECT 'old' AS side, e.identity_id AS id, concat(e.capability, ' (', e.certainty, ')') AS what FROM old_effective AS e
  UNION ALL
  SELECT 'new', e.identity_id, concat(e.capability, ' (', e.certainty, ')') FROM new_effective AS e
  UNION ALL
  SELECT 'old', r.identity_id, concat('reach ', r.target_id) FROM old_reach AS r
  UNION ALL
  SELECT 'new', r.identity_id, concat('reach ', r.target_id) FROM new_reach AS r
),
counted AS (
  SELECT s.id, s.what, bool_or(s.side = 'old') AS before, bool_or(s.side = 'new') AS after FROM said AS s GROUP BY s.id, s.what
)
SELECT c.id, list(c.what ORDER BY c.what) FILTER (WHERE NOT c.before) AS gained,
  list(c.what ORDER BY c.what) FILTER (WHERE NOT c.after) AS lost
FROM counted AS c WHERE NOT (c.before AND c.after) GROUP BY c.id;

CREATE TABLE grants AS
WITH said AS (
  SELECT 'old' AS side, g.identity_id AS id, g.h FROM old_granted AS g SEMI JOIN differing AS d ON d.who = g.who
  UNION ALL
  SELECT 'new', g.identity_id, g.h FROM new_granted AS g SEMI JOIN differing AS d ON d.who = g.who
),
counted AS (
  SELECT s.id, s.h, bool_or(s.side = 'old') AS before, bool_or(s.side = 'new') AS after FROM said AS s GROUP BY s.id, s.h
)
SELECT c.id, count(*) FILTER (WHERE NOT c.before) AS gained, count(*) FILTER (WHERE NOT c.after) AS lost
FROM counted AS c WHERE NOT (c.before AND c.after) GROUP BY c.id;

INSERT INTO change
WITH told AS (
  SELECT coalesce(a.id, g.id) AS id,
    list_concat(coalesce(a.gained, []), CASE WHEN g.gained > 0 THEN [concat(g.gained::VARCHAR, CASE WHEN g.gained = 1
      THEN ' grant' ELSE ' grants' END)] ELSE [] END) AS gained,
    list_concat(coalesce(a.lost, []), CASE WHEN g.lost > 0 THEN [concat(g.lost::VARCHAR, CASE WHEN g.lost = 1
      THEN ' grant' ELSE ' grants' END)] ELSE [] END) AS lost
  FROM able AS a FULL JOIN grants AS g ON g.id = a.id
),
blind AS (
  SELECT h.side, h.scope_id, min(h.reason) AS reason, min_by(h.remedy, h.reason) AS remedy
  FROM hidden AS h WHERE h.part = 'permission' GROUP BY h.side, h.scope_id
)
SELECT 'identity', CASE WHEN len(t.lost) > 0 AND b.scope_id IS NOT NULL THEN 'not_seen' ELSE 'repermissioned' END,
  n.id, n.scope_id, n.kind, n.name, n.provider, 'permissions', NULL, NULL, t.gained, t.lost,
  CASE WHEN len(t.lost) > 0 AND b.scope_id IS NOT NULL THEN b.reason WHEN len(t.gained) > 0 THEN c.reason END,
  CASE WHEN len(t.lost) > 0 AND b.scope_id IS NOT NULL THEN b.remedy WHEN len(t.gained) > 0 THEN c.remedy END
FROM told AS t
JOIN new_identity AS n ON n.id = t.id
SEMI JOIN old_identity AS o ON o.id = t.id
LEFT JOIN blind AS b ON b.scope_id = n.scope_id AND b.side = 'new'
LEFT JOIN blind AS c ON c.scope_id = n.scope_id AND c.side = 'old';

INSERT INTO change
WITH both_sides AS (
  SELECT coalesce(o.subject_id, n.subject_id) AS id, o.subject_id IS NOT NULL AS before, n.subject_id IS NOT NULL AS after,
    coalesce(o.name, n.name) AS name
  FROM old_owner AS o FULL JOIN new_owner AS n ON n.subject_id = o.subject_id AND n.name = o.name
),
counted AS (
  SELECT b.id, list_sort(list(DISTINCT b.name) FILTER (WHERE b.before)) AS old,
    list_sort(list(DISTINCT b.name) FILTER (WHERE b.after)) AS new,
    list_sort(list(DISTINCT b.name) FILTER (WHERE NOT b.before)) AS gained,
    list_sort(list(DISTINCT b.name) FILTER (WHERE NOT b.after)) AS lost
  FROM both_sides AS b
  SEMI JOIN (SELECT id FROM both_sides WHERE NOT (before AND after)) AS d ON d.id = b.id
  GROUP BY b.id
),
owned AS (
  SELECT 'identity' AS part, n.id, n.scope_id, n.kind, n.name, n.provider FROM new_identity AS n
  SEMI JOIN old_identity AS o ON o.id = n.id SEMI JOIN counted AS c ON c.id = n.id
  UNION ALL
  SELECT 'credential', n.id, n.scope_id, n.kind, n.name, n.provider FROM new_credential AS n
  SEMI JOIN old_credential AS o ON o.id = n.id SEMI JOIN counted AS c ON c.id = n.id
),
blind AS (
  SELECT h.side, h.scope_id, min(h.reason) AS reason, min_by(h.remedy, h.reason) AS remedy
  FROM hidden AS h WHERE h.part = 'owner' GROUP BY h.side, h.scope_id
)
SELECT w.part, CASE WHEN c.lost IS NOT NULL AND b.scope_id IS NOT NULL THEN 'not_seen' ELSE 'reowned' END, w.id, w.scope_id,
  w.kind, w.name, w.provider, 'owners', array_to_string(c.old, ', '), array_to_string(c.new, ', '), c.gained, c.lost,
  CASE WHEN c.lost IS NOT NULL AND b.scope_id IS NOT NULL THEN b.reason WHEN c.gained IS NOT NULL THEN d.reason END,
  CASE WHEN c.lost IS NOT NULL AND b.scope_id IS NOT NULL THEN b.remedy WHEN c.gained IS NOT NULL THEN d.remedy END
FROM counted AS c
JOIN owned AS w ON w.id = c.id
LEFT JOIN blind AS b ON b.scope_id = w.scope_id AND b.side = 'new'
LEFT JOIN blind AS d ON d.scope_id = w.scope_id AND d.side = 'old';

-- A finding is new when the old run did not show it, fixed when the new run could have shown it and does not.
INSERT INTO change
SELECT 'finding', 'new', n.id, n.scope_id, n.rule_id, n.subject_id, NULL, n.message, NULL, n.severity, NULL, NULL,
  coalesce(CASE WHEN r.rule_id IS NULL AND $old_covered THEN 'the rule did not run' END, u.reason, b.reason),
  coalesce(CASE WHEN r.rule_id IS NULL AND $old_covered THEN 'run it in both runs' END, u.remedy, b.remedy)
FROM new_finding AS n
ANTI JOIN old_finding AS o ON o.rule_id = n.rule_id AND o.subject_id = n.subject_id AND o.state <> 'suppressed'
LEFT JOIN ran AS r ON r.side = 'old' AND r.rule_id = n.rule_id
LEFT JOIN undecided AS u ON u.side = 'old' AND u.rule_id = n.rule_id AND u.scope_id = n.scope_id
LEFT JOIN (SELECT h.scope_id, min(h.reason) AS reason, min_by(h.remedy, h.reason) AS remedy FROM hidden AS h
  WHERE h.part = 'finding' AND h.side = 'old' GROUP BY h.scope_id) AS b ON b.scope_id = n.scope_id
WHERE n.state <> 'suppressed';

INSERT INTO change
WITH judged AS (
  SELECT o.*,
    CASE WHEN s.id IS NOT NULL THEN NULL  -- it is there, and suppressed
      WHEN x.id IS NOT NULL THEN x.reason
      WHEN t.id IS NOT NULL THEN NULL  -- its subject is gone
      WHEN r.rule_id IS NULL AND $new_covered THEN 'the rule did not run'
      ELSE coalesce(u.reason, b.reason) END AS reason,
    CASE WHEN x.id IS NOT NULL THEN x.remedy WHEN r.rule_id IS NULL AND $new_covered THEN 'run it in both runs'
      ELSE coalesce(u.remedy, b.remedy) END AS remedy,
    s.id IS NOT NULL AS hushed
  FROM old_finding AS o
  ANTI JOIN new_finding AS n ON n.rule_id = o.rule_id AND n.subject_id = o.subject_id AND n.state <> 'suppressed'
  LEFT JOIN new_finding AS s ON s.rule_id = o.rule_id AND s.subject_id = o.subject_id
  LEFT JOIN unseen AS x ON x.blind = 'new' AND x.id = o.subject_id AND x.part = o.subject_table
  LEFT JOIN thing AS t ON t.blind = 'new' AND t.id = o.subject_id AND t.part = o.subject_table
  LEFT JOIN ran AS r ON r.side = 'new' AND r.rule_id = o.rule_id
  LEFT JOIN undecided AS u ON u.side = 'new' AND u.rule_id = o.rule_id AND u.scope_id = o.scope_id
  LEFT JOIN (SELECT h.scope_id, min(h.reason) AS reason, min_by(h.remedy, h.reason) AS remedy FROM hidden AS h
    WHERE h.part = 'finding' AND h.side = 'new' GROUP BY h.scope_id) AS b ON b.scope_id = o.scope_id
  WHERE o.state <> 'suppressed'
)
SELECT 'finding', CASE WHEN j.hushed THEN 'suppressed' WHEN j.reason IS NOT NULL THEN 'not_seen' ELSE 'fixed' END,
  j.id, j.scope_id, j.rule_id, j.subject_id, NULL, j.message, j.severity, NULL, NULL, NULL, j.reason,
  CASE WHEN j.reason IS NOT NULL THEN j.remedy END
FROM judged AS j;

INSERT INTO change
SELECT 'finding', 'severity', n.id, n.scope_id, n.rule_id, n.subject_id, NULL, n.message, o.severity, n.severity, NULL, NULL,
  NULL, NULL
FROM new_finding AS n
JOIN old_finding AS o ON o.rule_id = n.rule_id AND o.subject_id = n.subject_id AND o.state <> 'suppressed'
WHERE n.state <> 'suppressed' AND o.severity <> n.severity;

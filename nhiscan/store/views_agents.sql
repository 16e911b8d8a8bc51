-- Views on agents and tool servers, for rules that are about what surrounds them rather than about one credential.
-- They follow the conventions of views.sql and build on all the files before this one.

-- agent_part: one row per enabled consumer that makes up an agent: itself, the tool servers it starts and the hooks that
-- its client runs.  What nobody starts stands for itself.
CREATE VIEW agent_part AS
SELECT
  k.id, k.scope_id, k.kind, k.name, k.platform,
  CASE WHEN p.kind = 'agent' AND k.kind <> 'agent' THEN p.id ELSE k.id END AS agent_id
FROM consumer AS k
LEFT JOIN consumer AS p ON p.id = k.parent_id
WHERE (k.kind IN ('agent', 'tool_server') OR (k.kind = 'step' AND p.kind = 'agent'))
  AND coalesce(k.enabled, TRUE) AND coalesce(p.enabled, TRUE);

-- agent_box: one row per agent, and tool server that nobody starts, with what is written of the box it runs in.
CREATE VIEW agent_box AS
SELECT
  k.id, k.scope_id, k.kind, replace(k.kind, '_', ' ') AS noun, k.name, k.uri, k.line, k.platform, k.sandbox,
  k.autonomy,
  -- invented: a test or document declares it.
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  -- isolated: a sandbox bounds its files, its network or both; words that say the contrary (privileged) are none.
  CASE WHEN lower(k.sandbox) IN ('none', 'disabled', 'off', 'danger-full-access', 'privileged', 'root', 'host') THEN FALSE
    WHEN lower(k.sandbox) LIKE 'cap_add%' OR lower(k.sandbox) LIKE 'network: *%' THEN FALSE
    WHEN k.sandbox IS NOT NULL THEN TRUE END AS isolated,
  -- packed: it runs in a container or function of its own, so that it sees of the machine what is handed to it.
  CASE WHEN k.platform IN ('kubernetes', 'docker_compose', 'docker_image')
    OR regexp_matches(k.platform, '^(aws_|azure_|gcp_(vertex|run|functions))') THEN TRUE END
    AS packed
FROM consumer AS k
JOIN agent_part AS p ON p.id = k.id AND p.agent_id = k.id;

-- agent_tool: one row per agent, with the tools that run without anybody being asked.
CREATE VIEW agent_tool AS
WITH called AS (
  SELECT CASE WHEN k.kind = 'tool_server' THEN coalesce(k.parent_id, k.id) ELSE k.id END AS agent_id, t.name, t.class,
    t.class IN ('destructive', 'payment', 'deploy', 'identity', 'exec') AS heavy, t.unrestricted,
    coalesce(t.approval, k.approval) AS approval,
    coalesce(CASE WHEN t.approval IS NOT NULL THEN t.approval_basis ELSE k.approval_basis END, 'explicit') AS basis
  FROM tool AS t
  JOIN consumer AS k ON k.id = t.consumer_id
  WHERE coalesce(k.enabled, TRUE)
),
counted AS (
  SELECT c.agent_id, count(*) AS tool_count,
    sum(CASE WHEN c.approval = 'auto' AND c.heavy THEN 1 ELSE 0 END) AS unasked,
    min(CASE WHEN c.approval = 'auto' AND c.heavy THEN c.name END) AS first_unasked,
    sum(CASE WHEN c.approval = 'auto' AND c.class IS NULL THEN 1
      WHEN c.approval IS NULL AND coalesce(c.heavy, TRUE) THEN 1 ELSE 0 END) AS doubtful,
    sum(CASE WHEN c.approval = 'auto' AND c.heavy AND c.basis = 'explicit' THEN 1 ELSE 0 END) AS explicitly,
    sum(CASE WHEN c.approval = 'auto' AND c.unrestricted THEN 1 ELSE 0 END) AS wide,
    min(CASE WHEN c.approval = 'auto' AND c.unrestricted THEN c.name END) AS first_wide,
    sum(CASE WHEN (c.approval = 'auto' AND c.unrestricted IS NULL)
      OR (c.approval IS NULL AND coalesce(c.unrestricted, TRUE)) THEN 1 ELSE 0 END) AS wide_unknown
  FROM called AS c
  GROUP BY c.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.uri, k.line, k.autonomy, k.bypass, k.sandbox,
  -- sandboxed: what runs unasked runs inside a sandbox.
  coalesce(b.isolated, FALSE) AS sandboxed,
  -- invented: a test or document declares it.
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  coalesce(c.tool_count, 0) AS tool_count,
  coalesce(k.bypass, nullif(concat(c.first_unasked, CASE WHEN c.unasked > 1
    THEN concat(' and ', CAST(c.unasked - 1 AS VARCHAR), ' more') ELSE '' END), ''), 'every tool') AS unasked_name,
  c.first_wide AS wide_name,
  coalesce(c.explicitly, 0) > 0 OR k.bypass IS NOT NULL OR (k.approval = 'auto' AND k.approval_basis = 'explicit')
    AS written_down,
  -- runs_unasked: a tool of high impact runs without approval, or the setting switches approval off altogether.
  CASE WHEN c.unasked > 0 OR k.bypass IS NOT NULL OR k.approval = 'auto' THEN TRUE
    WHEN c.doubtful > 0 OR k.approval IS NULL THEN NULL ELSE FALSE END AS runs_unasked,
  -- unrestricted: an allowed tool takes any argument, or a server may run all of its tools.
  CASE WHEN c.wide > 0 THEN TRUE WHEN c.wide_unknown > 0 THEN NULL ELSE FALSE END AS unrestricted
FROM consumer AS k
LEFT JOIN counted AS c ON c.agent_id = k.id
LEFT JOIN agent_box AS b ON b.id = k.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- host_word: what a consumer can take from the machine it runs on, in words.
CREATE VIEW host_word AS
SELECT w.id, '' AS scope_id, w.words
FROM (VALUES
  ('docker_socket', 'the Docker socket'),
  ('ssh_agent', 'the SSH keys'),
  ('ssh_keys', 'the SSH keys'),
  ('cloud_profile', 'the cloud profiles'),
  ('kubeconfig', 'the kubeconfig'),
  ('home', 'the home folder'),
  ('metadata', 'the instance metadata'),
  ('host_root', 'the whole file system'),
  ('kubelet', 'the files of the kubelet'),
  ('environment', 'whatever identity its process inherits')
) AS w(id, words);

-- agent_host: one row per agent, or tool server that nobody starts, with what it and its servers take from the machine.
-- Hooks run with the environment of their client by nature and count with nothing but what they mount.
CREATE VIEW agent_host AS
WITH taken AS (
  SELECT p.agent_id, coalesce(w.words, replace(u.name, '_', ' ')) AS words, min(u.uri) AS uri, min(u.line) AS line,
    max(CASE WHEN u.name = 'environment' THEN 0 ELSE 1 END) AS mounted
  FROM "use" AS u
  JOIN agent_part AS p ON p.id = u.consumer_id
  LEFT JOIN host_word AS w ON w.id = u.name
  WHERE u.place = 'host' AND u.name IS NOT NULL AND NOT (u.name = 'environment' AND (p.kind = 'step' OR u.how = 'env'))
    -- What an image is built with, it does not have when it runs.
    AND coalesce(p.platform, '') <> 'docker_image'
  GROUP BY p.agent_id, coalesce(w.words, replace(u.name, '_', ' '))
),
listed AS (
  SELECT t.agent_id, count(*) AS thing_count, sum(t.mounted) AS mounted_count,
    string_agg(concat(t.words, CASE WHEN t.uri IS NULL THEN '' WHEN t.line IS NULL THEN concat(' (', t.uri, ')')
      ELSE concat(' (', t.uri, ':', CAST(t.line AS VARCHAR), ')') END), ', ' ORDER BY t.words) AS things
  FROM taken AS t
  GROUP BY t.agent_id
)
SELECT
  b.id, b.scope_id, b.kind, b.noun, b.name, b.platform, b.isolated, b.uri, b.line, b.invented,
  coalesce(l.thing_count, 0) AS thing_count, coalesce(l.mounted_count, 0) AS mounted_count, l.things,
  -- reaches: NULL for what runs on a person's machine or runner without a sandbox: what is there is in no file.
  CASE WHEN l.thing_count > 0 THEN TRUE WHEN b.packed OR b.isolated THEN FALSE END AS reaches
FROM agent_box AS b
LEFT JOIN listed AS l ON l.agent_id = b.id;

-- agent_call: one row per tool that an agent or one of its tool servers may call, with the approval that binds it.
CREATE VIEW agent_call AS
SELECT
  t.id, t.scope_id, p.agent_id, t.consumer_id, t.name, t.class,
  coalesce(t.approval, k.approval) AS approval,
  t.class IN ('destructive', 'payment', 'deploy', 'identity', 'exec') AS heavy,
  t.reads_untrusted, t.reads_private, t.sends
FROM tool AS t
JOIN agent_part AS p ON p.id = t.consumer_id
JOIN consumer AS k ON k.id = t.consumer_id
WHERE coalesce(t.approval, k.approval, 'ask') <> 'deny';

-- agent_exec: one row per agent that has tools, with what runs code and which credentials stand beside it.
CREATE VIEW agent_exec AS
WITH called AS (
  SELECT c.agent_id, sum(CASE WHEN c.runs THEN 1 ELSE 0 END) AS exec_count,
    sum(CASE WHEN c.runs AND c.approval = 'auto' THEN 1 ELSE 0 END) AS unasked_count,
    sum(CASE WHEN c.runs AND c.approval IS NULL THEN 1 ELSE 0 END) AS doubtful_count,
    min(CASE WHEN c.runs THEN c.name END) AS exec_name,
    sum(CASE WHEN c.class IS NULL THEN 1 ELSE 0 END) AS unclassed
  FROM (
    -- What runs in a database, or in the interpreter that a provider hosts, reads no variable of the process.
    SELECT e.*, e.class = 'exec' AND NOT regexp_matches(lower(e.name), 'sql|query|cypher|code[_ -]?interpreter') AS runs
    FROM agent_call AS e
  ) AS c
  GROUP BY c.agent_id
),
held AS (
  SELECT p.agent_id, coalesce(c.name, c.key_id, u.name, replace(coalesce(u.form, u.place), '_', ' ')) AS name,
    -- near: what a command in the same process can read: a variable, a file, a value in the settings.
    max(CASE WHEN u.place = 'host' OR u.form IN ('literal', 'reference', 'env_file') OR u.how = 'mounted' THEN 1
      ELSE 0 END) AS near,
    max(CASE WHEN u.form IS NULL AND u.place <> 'host' AND u.how <> 'mounted' THEN 1 ELSE 0 END) AS doubtful
  FROM "use" AS u
  JOIN agent_part AS p ON p.id = u.consumer_id
  LEFT JOIN credential AS c ON c.id = u.credential_id
  WHERE (u.credential_id IS NOT NULL OR u.form = 'env_file' OR (u.place = 'host' AND u.name <> 'environment'))
    AND coalesce(c.public, FALSE) = FALSE AND coalesce(c.sample, FALSE) = FALSE
    AND coalesce(c.state, 'active') NOT IN ('inactive', 'expired', 'deleted')
    AND coalesce(u.form, 'literal') NOT IN ('placeholder', 'empty', 'dangling')
  GROUP BY p.agent_id, coalesce(c.name, c.key_id, u.name, replace(coalesce(u.form, u.place), '_', ' '))
),
summed AS (
  SELECT h.agent_id, sum(h.near) AS near_count, sum(h.doubtful) AS doubtful_count,
    min(CASE WHEN h.near = 1 THEN h.name END) AS first_name
  FROM held AS h
  GROUP BY h.agent_id
)
SELECT
  b.id, b.scope_id, b.noun, b.name, b.uri, b.line, b.autonomy, b.sandbox, b.isolated, b.invented,
  c.exec_count, c.unasked_count, c.doubtful_count, c.exec_name, c.unclassed,
  coalesce(s.near_count, 0) AS near_count,
  concat(s.first_name, CASE WHEN s.near_count > 1
    THEN concat(' and ', CAST(s.near_count - 1 AS VARCHAR), ' more') ELSE '' END) AS near_names,
  CASE WHEN c.exec_count > 0 THEN TRUE WHEN c.unclassed > 0 THEN NULL ELSE FALSE END AS executes,
  -- beside: a person's process inherits more than its settings show, so that nothing seen proves nothing.
  CASE WHEN s.near_count > 0 THEN TRUE WHEN s.doubtful_count > 0 THEN NULL WHEN b.packed THEN FALSE END AS beside
FROM agent_box AS b
JOIN called AS c ON c.agent_id = b.id
LEFT JOIN summed AS s ON s.agent_id = b.id;

-- agent_handover: one row per agent that hands work on, and whether its own credential or environment goes along.
CREATE VIEW agent_handover AS
WITH holding AS (
  SELECT a.agent_id, count(*) AS credential_count FROM agent_credential AS a GROUP BY a.agent_id
),
hops AS (
  SELECT h.from_id, h.via, t.name AS to_name, t.approval AS to_approval,
    -- A hop that says how it proves itself with a token of its own is none that forwards.
    coalesce(h.forwards, CASE WHEN h.auth IN ('oauth', 'iam', 'mtls') THEN FALSE END) AS forwards
  FROM hop AS h
  LEFT JOIN consumer AS t ON t.id = h.to_id
  WHERE coalesce(t.enabled, TRUE)
)
SELECT
  k.id, k.scope_id, k.name, k.uri, k.line,
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  coalesce(d.credential_count, 0) AS credential_count,
  bool_or(h.forwards) AS forwards, count(*) = count(h.forwards) AS known,
  min(CASE WHEN h.forwards THEN h.to_name END) AS to_name,
  sum(CASE WHEN h.forwards THEN 1 ELSE 0 END) AS forward_count,
  -- inside: only to sub-agents of its own process, none of which acts with less asking than it does.
  min(CASE WHEN h.forwards AND (h.via <> 'sub_agent' OR (h.to_approval = 'auto' AND coalesce(k.approval, 'ask') <> 'auto'))
    THEN 0 ELSE 1 END) = 1 AS inside
FROM hops AS h
JOIN consumer AS k ON k.id = h.from_id
LEFT JOIN holding AS d ON d.agent_id = k.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE)
GROUP BY k.id, k.scope_id, k.name, k.uri, k.line, k.file_class, d.credential_count;

-- agent_decision: one row per agent, with the weight of what it may do and whether something decides on each call.
CREATE VIEW agent_decision AS
WITH heavy AS (
  SELECT c.agent_id, sum(CASE WHEN c.heavy THEN 1 ELSE 0 END) AS heavy_count, min(CASE WHEN c.heavy THEN c.name END)
    AS heavy_name, sum(CASE WHEN c.class IS NULL THEN 1 ELSE 0 END) AS unclassed, count(*) AS call_count
  FROM agent_call AS c
  GROUP BY c.agent_id
),
served AS (
  -- The servers of an agent: those it starts, and those it is sent to.
  SELECT s.parent_id AS agent_id, s.id, s.enforced FROM consumer AS s
  WHERE s.kind = 'tool_server' AND s.parent_id IS NOT NULL AND coalesce(s.enabled, TRUE)
  UNION
  SELECT h.from_id, s.id, s.enforced FROM hop AS h
  JOIN consumer AS s ON s.id = h.to_id WHERE s.kind = 'tool_server' AND coalesce(s.enabled, TRUE)
),
gates AS (
  SELECT s.agent_id, count(*) AS server_count, sum(CASE WHEN s.enforced THEN 1 ELSE 0 END) AS gated_count
  FROM served AS s
  GROUP BY s.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.platform, k.uri, k.line, p.identity_name, p.power, p.powerful,
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  CASE WHEN h.heavy_count > 0 THEN concat('may call ', h.heavy_name, CASE WHEN h.heavy_count > 1
    THEN concat(' and ', CAST(h.heavy_count - 1 AS VARCHAR), ' more') ELSE '' END)
    ELSE concat('acts as ', p.identity_name, ', which ', p.power) END AS weight,
  -- privileged: a tool of high impact, or an identity that is administrator or can become one.
  CASE WHEN h.heavy_count > 0 OR p.powerful THEN TRUE
    WHEN h.call_count > 0 AND h.unclassed = 0 AND (p.id IS NULL OR NOT p.powerful) THEN FALSE END AS privileged,
  -- decided: a hook, rule, policy or guardrail of its own, or a gateway before every server.
  CASE WHEN k.enforced OR k.guardrail OR g.gated_count = g.server_count THEN TRUE WHEN NOT k.enforced THEN FALSE END
    AS decided
FROM consumer AS k
LEFT JOIN heavy AS h ON h.agent_id = k.id
LEFT JOIN gates AS g ON g.agent_id = k.id
LEFT JOIN agent_power AS p ON p.id = k.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- agent_self: one row per agent, and whether it may rewrite what binds it.
CREATE VIEW agent_self AS
WITH opened AS (
  SELECT c.agent_id, sum(CASE WHEN c.class = 'read' THEN 0 ELSE 1 END) AS heavier
  FROM agent_call AS c
  WHERE c.approval = 'auto'
  GROUP BY c.agent_id
),
hooked AS (
  SELECT p.agent_id FROM agent_part AS p WHERE p.kind = 'step' GROUP BY p.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.origin, k.autonomy, k.approval, k.bypass, k.alters_itself, t.written_down,
  t.invented,
  concat(k.uri, CASE WHEN k.line IS NULL THEN '' ELSE concat(':', CAST(k.line AS VARCHAR)) END) AS place,
  -- unasked: it does so without anybody's yes: approval is off, or a tool runs with any argument.
  (k.bypass IS NOT NULL OR coalesce(k.approval = 'auto', FALSE) OR coalesce(t.unrestricted, FALSE)) AS unasked,
  -- reading_only: all that the files approve for others are tools that read.
  (o.heavier = 0 AND h.agent_id IS NULL) AS reading_only
FROM consumer AS k
JOIN agent_tool AS t ON t.id = k.id
LEFT JOIN opened AS o ON o.agent_id = k.id
LEFT JOIN hooked AS h ON h.agent_id = k.id;

-- agent_memory: one row per memory of agents, with the agents that keep what they learn in it.
CREATE VIEW agent_memory AS
WITH writer AS (
  SELECT u.resource_id, p.agent_id, min(k.name) AS name, min(k.environment) AS environment
  FROM "use" AS u
  JOIN agent_part AS p ON p.id = u.consumer_id
  JOIN consumer AS k ON k.id = p.agent_id
  WHERE u.resource_id IS NOT NULL
  GROUP BY u.resource_id, p.agent_id
),
counted AS (
  SELECT w.*, row_number() OVER (PARTITION BY w.resource_id ORDER BY w.name, w.agent_id) AS n FROM writer AS w
),
summed AS (
  SELECT c.resource_id, count(*) AS agent_count, count(DISTINCT lower(c.environment)) AS environment_count,
    concat(concat_ws(', ', max(CASE WHEN c.n = 1 THEN c.name END), max(CASE WHEN c.n = 2 THEN c.name END),
      max(CASE WHEN c.n = 3 THEN c.name END), max(CASE WHEN c.n = 4 THEN c.name END)), CASE WHEN count(*) > 4
      THEN concat(' and ', CAST(count(*) - 4 AS VARCHAR), ' more') ELSE '' END) AS agent_names
  FROM counted AS c
  GROUP BY c.resource_id
)
SELECT
  r.id, r.scope_id, r.provider, r.kind, r.name, coalesce(s.agent_count, 0) AS agent_count,
  coalesce(s.environment_count, 0) AS environment_count, s.agent_names
FROM resource AS r
LEFT JOIN summed AS s ON s.resource_id = r.id
WHERE r.kind = 'agent_memory';

-- server_register: one row per enabled tool server entry, and whether the team's register names it: by its name, its
-- address, or its package with or without version.
CREATE VIEW server_register AS
WITH listed AS (
  SELECT d.value FROM declared AS d WHERE d.kind = 'approved_tool_server' GROUP BY d.value
),
counted AS (
  SELECT count(*) AS register_size FROM listed
)
SELECT
  s.id, s.scope_id, s.name, s.agent_name, s.package, s.url, s.pin, s.uri, s.line, c.register_size,
  coalesce(s.package, s.url, 'a command of its own') AS what,
  (s.approved OR l.value IS NOT NULL) AS approved
FROM tool_server AS s
CROSS JOIN counted AS c
LEFT JOIN listed AS l ON l.value = regexp_replace(s.package, '(.)(==|@|:)[^@/]*$', '\1');

-- credential_scope: one row per credential, with what its scopes allow in words of this vocabulary.
CREATE VIEW credential_scope AS
WITH said AS (
  -- An empty list says nothing.
  SELECT c.id, c.scope_id, nullif(array_to_string(c.scopes, ', '), '') AS words FROM credential AS c
)
SELECT
  s.id, s.scope_id, s.words,
  -- broad: everything there is at its issuer, past every rule on rows, projects or repositories.
  CASE WHEN s.words IS NULL THEN NULL ELSE regexp_matches(lower(s.words),
    '(^|, )([*]|service_role|admin|administrator|owner|root|superuser|sudo|full_access|all|write-all|repo|api|admin:org|account:admin|.*/auth/cloud-platform)(,|$)')
    END AS broad,
  CASE WHEN s.words IS NULL THEN NULL
    WHEN regexp_matches(lower(s.words),
      '(^|, )([*]|service_role|owner|root|superuser|sudo|full_access|all|repo|api|.*/auth/cloud-platform)(,|$)')
      OR regexp_matches(lower(s.words), 'write|admin|manage|delete|create|update|publish|push|modify|maintain|full')
    THEN TRUE
    WHEN NOT regexp_matches(lower(s.words), '(^|, )[^,]*(read|view|list|get|public|anon)[^,]*(,|$)') THEN NULL
    ELSE FALSE END AS writes
FROM said AS s;

-- credential_need: one row per credential that tool servers are handed, with what it allows and what they need.
CREATE VIEW credential_need AS
WITH served AS (
  SELECT s.credential_id, s.consumer_id, min(s.consumer_name) AS name, min(s.scope_id) AS scope_id
  FROM use_site AS s
  WHERE s.consumer_kind = 'tool_server'
  GROUP BY s.credential_id, s.consumer_id
),
offered AS (
  SELECT c.consumer_id, sum(CASE WHEN c.class = 'read' THEN 0 WHEN c.class IS NULL THEN 0 ELSE 1 END) AS heavier,
    sum(CASE WHEN c.class IS NULL OR c.name LIKE '%*' THEN 1 ELSE 0 END) AS open_ended
  FROM agent_call AS c
  GROUP BY c.consumer_id
),
joined AS (
  SELECT s.credential_id, s.scope_id, s.name,
    -- reads_only: each tool it may call is named, and all of them read.
    CASE WHEN o.heavier > 0 THEN FALSE WHEN o.open_ended = 0 THEN TRUE END AS reads_only
  FROM served AS s
  LEFT JOIN offered AS o ON o.consumer_id = s.consumer_id
)
SELECT
  j.credential_id AS id, min(j.scope_id) AS scope_id, count(*) AS server_count,
  coalesce(min(CASE WHEN j.reads_only THEN j.name END), min(j.name)) AS server_name,
  bool_or(j.reads_only) AS reads_only, count(j.reads_only) = count(*) AS known
FROM joined AS j
GROUP BY j.credential_id;

-- server_passing: one row per tool server whose own definition is here, and whether it hands the caller's token on.
CREATE VIEW server_passing AS
SELECT
  k.id, k.scope_id, k.name, k.framework, k.transport, k.auth, k.forwards,
  concat(k.uri, CASE WHEN k.line IS NULL THEN '' ELSE concat(':', CAST(k.line AS VARCHAR)) END) AS place
FROM consumer AS k
WHERE k.kind = 'tool_server' AND coalesce(k.enabled, TRUE)
  AND (k.forwards IS NOT NULL OR (k.parent_id IS NULL AND k.platform IS NULL AND k.launcher IS NULL));

-- agent_flow: one row per agent that holds credentials and has tools, with the three things that together let a text
-- of a stranger carry private data out.
CREATE VIEW agent_flow AS
WITH called AS (
  SELECT c.agent_id,
    max(CASE WHEN c.reads_untrusted THEN 1 ELSE 0 END) AS untrusted,
    max(CASE WHEN c.reads_untrusted IS NULL THEN 1 ELSE 0 END) AS untrusted_unknown,
    max(CASE WHEN c.reads_private THEN 1 ELSE 0 END) AS private,
    max(CASE WHEN c.reads_private IS NULL THEN 1 ELSE 0 END) AS private_unknown,
    -- Only what goes out without a question counts; a tool that only lists and reads carries nothing out.
    max(CASE WHEN c.sends AND c.approval = 'auto' AND coalesce(c.class, 'external') <> 'read' THEN 1 ELSE 0 END) AS sends,
    max(CASE WHEN c.class = 'read' OR c.approval = 'ask' OR NOT c.sends THEN 0 WHEN c.sends AND c.approval = 'auto' THEN 0
      ELSE 1 END) AS sends_unknown,
    min(CASE WHEN c.reads_untrusted THEN c.name END) AS untrusted_name,
    min(CASE WHEN c.reads_private THEN c.name END) AS private_name,
    min(CASE WHEN c.sends AND c.approval = 'auto' AND coalesce(c.class, 'external') <> 'read' THEN c.name END)
      AS sends_name
  FROM agent_call AS c
  GROUP BY c.agent_id
),
standing AS (
  SELECT a.agent_id, count(*) AS credential_count,
    sum(CASE WHEN a.lifetime = 'static' THEN 1 ELSE 0 END) AS static_count,
    sum(CASE WHEN a.lifetime IS NULL THEN 1 ELSE 0 END) AS unknown_count
  FROM agent_credential AS a
  GROUP BY a.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.uri, k.line, k.autonomy, s.credential_count,
  c.untrusted_name, c.private_name, c.sends_name,
  -- one_tool: a shell does all three; nothing but its sandbox stands between.
  (c.untrusted_name = c.private_name AND c.private_name = c.sends_name) AS one_tool,
  CASE WHEN c.untrusted = 1 THEN TRUE WHEN c.untrusted_unknown = 1 THEN NULL ELSE FALSE END AS untrusted,
  CASE WHEN c.private = 1 THEN TRUE WHEN c.private_unknown = 1 THEN NULL ELSE FALSE END AS private,
  CASE WHEN c.sends = 1 THEN TRUE WHEN c.sends_unknown = 1 THEN NULL ELSE FALSE END AS sends,
  CASE WHEN s.static_count > 0 THEN TRUE WHEN s.unknown_count > 0 THEN NULL ELSE FALSE END AS standing
FROM consumer AS k
JOIN called AS c ON c.agent_id = k.id
JOIN standing AS s ON s.agent_id = k.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- agent_entry: one row per agent that others set to work, whether strangers are among them, and the most powerful
-- identity that it, or the job it runs in, acts as.
CREATE VIEW agent_entry AS
WITH entered AS (
  SELECT e.id, e.scope_id, e.name, e.open, 'answers anybody' AS how
  FROM agent_endpoint AS e
  WHERE e.kind = 'agent'
  UNION ALL
  SELECT k.id, k.scope_id, k.name, k.trigger = 'untrusted' AND NOT coalesce(k.gated, FALSE) AS open,
    'is set to work by strangers' AS how
  FROM consumer AS k
  LEFT JOIN agent_endpoint AS e ON e.id = k.id
  WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE) AND k.trigger IS NOT NULL AND e.id IS NULL
),
acting AS (
  SELECT a.id AS agent_id, a.identity_id, 'exact' AS tie FROM agent_acting AS a
  UNION
  -- What a job signs in as, every step of it can use.
  SELECT k.id, u.identity_id, coalesce(u.name, 'exact') FROM consumer AS k
  JOIN consumer AS j ON j.id = k.parent_id
  JOIN "use" AS u ON u.consumer_id = j.id
  WHERE k.kind = 'agent' AND j.kind = 'pipeline' AND u.identity_id IS NOT NULL
),
judged AS (
  SELECT a.agent_id, a.tie, p.name, p.power, p.admin OR p.escalate OR p.reaches_admin AS able,
    CASE WHEN p.admin THEN p.admin_certainty WHEN p.escalate THEN p.escalate_certainty ELSE p.reach_certainty END
      AS certainty,
    row_number() OVER (PARTITION BY a.agent_id ORDER BY
      CASE WHEN p.admin THEN 0 WHEN p.escalate THEN 1 WHEN p.reaches_admin THEN 2 WHEN p.id IS NULL THEN 4 ELSE 3 END,
      a.tie, a.identity_id) AS n
  FROM acting AS a
  LEFT JOIN identity_power AS p ON p.id = a.identity_id
),
summed AS (
  SELECT j.agent_id, bool_or(j.able) AS able, count(j.able) = count(*) AS known FROM judged AS j GROUP BY j.agent_id
)
SELECT
  e.id, e.scope_id, e.name, e.open, e.how, j.name AS identity_name, j.power, j.certainty, j.tie = 'possible' AS guessed,
  CASE WHEN s.able THEN TRUE WHEN s.known THEN FALSE END AS able
FROM entered AS e
JOIN summed AS s ON s.agent_id = e.id
JOIN judged AS j ON j.agent_id = e.id AND j.n = 1;

-- stranger_entry: one row per agent that others set to work, and per job that outsiders can, with the most powerful
-- identity that it acts as.  A job with such an agent is told by its agent.
CREATE VIEW stranger_entry AS
SELECT e.id, e.scope_id, 'Agent' AS noun, e.name, e.open, e.how, e.identity_name, e.power, e.certainty, e.guessed, e.able
FROM agent_entry AS e
UNION ALL
SELECT p.id, p.scope_id, 'Job', p.name, p.open, p.how, p.identity_name, p.power, p.certainty, FALSE, p.able
FROM pipeline_power AS p
WHERE p.id NOT IN (
  SELECT k.parent_id FROM agent_entry AS e JOIN consumer AS k ON k.id = e.id WHERE k.parent_id IS NOT NULL
);

-- agent_record: one row per agent whose logs somebody looked at, and whether what it does is written down.
CREATE VIEW agent_record AS
SELECT a.id, a.scope_id, a.name, a.logged FROM agent_log AS a
UNION ALL
SELECT k.id, k.scope_id, k.name, bool_or(g.enabled) AS logged
FROM consumer AS k
JOIN logging AS g ON g.subject_id = k.id AND g.kind IN ('tool_calls', 'tool_call')
WHERE k.kind = 'agent' AND NOT regexp_matches(coalesce(k.platform, ''), '^(aws|azure|gcp)_') AND coalesce(k.enabled, TRUE)
GROUP BY k.id, k.scope_id, k.name;

-- credential_session: one row per credential of agents, with how long one issue of it works, in seconds.
CREATE VIEW credential_session AS
SELECT
  a.id, a.scope_id, a.agent_names, c.provider, c.kind, c.lifetime, i.name AS identity_name,
  CASE WHEN c.ttl > 0 THEN c.ttl
    WHEN c.expires_at IS NOT NULL AND c.issued_at IS NOT NULL THEN date_diff('second', c.issued_at, c.expires_at)
    WHEN c.lifetime IN ('federated', 'short_lived') THEN i.max_session END AS seconds,
  -- with_job: it ends with the job it was made for, however long that takes.
  (c.name IN ('GITHUB_TOKEN', 'CI_JOB_TOKEN', 'System.AccessToken')) AS with_job
FROM credential_agent AS a
JOIN credential AS c ON c.id = a.id
LEFT JOIN identity AS i ON i.id = c.identity_id;

-- credential_context: one row per credential that lies in files, and in which of those that agents read as context.
CREATE VIEW credential_context AS
WITH file AS (
  SELECT e.credential_id, e.scope_id, e.uri, min(e.line) AS line,
    max(CASE WHEN e.file_class = 'agent_context' THEN 1 ELSE 0 END) AS context,
    max(CASE WHEN e.file_class IS NULL THEN 1 ELSE 0 END) AS unclassed
  FROM exposure AS e
  -- What only history holds, no agent reads.
  WHERE e.part = 'value' AND coalesce(e.at_head, TRUE) AND e.uri NOT LIKE 'arn:%' AND e.uri NOT LIKE '/%'
  GROUP BY e.credential_id, e.scope_id, e.uri
),
numbered AS (
  SELECT f.*, concat(f.uri, CASE WHEN f.line IS NOT NULL THEN concat(':', CAST(f.line AS VARCHAR)) ELSE '' END) AS place,
    row_number() OVER (PARTITION BY f.credential_id ORDER BY f.context DESC, f.scope_id, f.uri) AS n
  FROM file AS f
),
summed AS (
  SELECT n.credential_id, min(n.scope_id) AS scope_id, sum(n.context) AS context_files, sum(n.unclassed) AS unclassed,
    nullif(concat_ws(', ', max(CASE WHEN n.n = 1 AND n.context = 1 THEN n.place END),
      max(CASE WHEN n.n = 2 AND n.context = 1 THEN n.place END),
      max(CASE WHEN n.n = 3 AND n.context = 1 THEN n.place END)), '') AS first_places
  FROM numbered AS n
  GROUP BY n.credential_id
)
SELECT
  s.credential_id AS id, s.scope_id, s.context_files,
  concat(s.first_places, CASE WHEN s.context_files > 3
    THEN concat(' and ', CAST(s.context_files - 3 AS VARCHAR), ' more') ELSE '' END) AS places,
  CASE WHEN s.context_files > 0 THEN TRUE WHEN s.unclassed > 0 THEN NULL ELSE FALSE END AS in_context
FROM summed AS s;

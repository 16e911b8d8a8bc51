"""Which subjects have to do with agents: only for these do frameworks about agents say anything.

An agent or tool server is the subject, or uses it: the credential it presents or finds in its own files, the identity
it acts as, what is attached to or trusts that identity.  What a job signs in with, the agent that runs in it can use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.query import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.engine.rule import Rule
    from nhiscan.store.inventory import Inventory

AGENTIC = """\
WITH nhi_part AS (
  SELECT k.id FROM consumer AS k WHERE k.kind IN ('agent', 'tool_server')
  UNION
  SELECT k.id FROM consumer AS k JOIN consumer AS p ON p.id = k.parent_id WHERE p.kind IN ('agent', 'tool_server')
  UNION
  SELECT k.parent_id FROM consumer AS k WHERE k.kind = 'agent' AND k.parent_id IS NOT NULL
),
nhi_used AS (
  SELECT u.credential_id, u.identity_id, u.resource_id FROM "use" AS u JOIN nhi_part AS p ON p.id = u.consumer_id
),
nhi_held AS (
  SELECT u.credential_id AS id FROM nhi_used AS u WHERE u.credential_id IS NOT NULL
  UNION
  SELECT e.credential_id FROM exposure AS e WHERE e.file_class IN ('agent_config', 'agent_context')
),
nhi_acting AS (
  SELECT u.identity_id AS id FROM nhi_used AS u WHERE u.identity_id IS NOT NULL
  UNION
  SELECT c.identity_id FROM credential AS c JOIN nhi_held AS h ON h.id = c.id WHERE c.identity_id IS NOT NULL
)
SELECT p.id FROM nhi_part AS p
UNION SELECT h.id FROM nhi_held AS h
UNION SELECT a.id FROM nhi_acting AS a
UNION SELECT u.resource_id FROM nhi_used AS u WHERE u.resource_id IS NOT NULL
UNION SELECT t.id FROM trust AS t JOIN nhi_acting AS a ON a.id = t.target_id
UNION SELECT t.id FROM attachment AS t JOIN nhi_acting AS a ON a.id = t.principal_id
UNION SELECT t.policy_id FROM attachment AS t JOIN nhi_acting AS a ON a.id = t.principal_id
UNION SELECT t.id FROM tool AS t JOIN nhi_part AS p ON p.id = t.consumer_id
UNION SELECT h.id FROM hop AS h"""


def agentic(inventory: Inventory, ids: Iterable[str]) -> frozenset[str]:
    """Those of the subjects that are an agent or tool server, or that one uses.  Raises StoreError."""
    wanted = sorted(set(ids))
    if not wanted:
        return frozenset()
    query = f"SELECT id FROM (\n{AGENTIC}\n) WHERE id IN (SELECT unnest($ids))"  # noqa: S608 - our own SQL
    return frozenset(str(row["id"]) for row in inventory.sql(query, {"ids": wanted}))


def source(rule: Rule) -> str:
    """The rows of a rule that have to do with agents, as something that can stand after FROM."""
    return f"(\nSELECT nhi_r.* FROM {source_of(rule)} AS nhi_r WHERE nhi_r.id IN (\n{AGENTIC}\n)\n)"

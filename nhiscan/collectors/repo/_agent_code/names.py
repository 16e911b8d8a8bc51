"""How the agent frameworks call their agents, servers, memories and tools; names of their documentation, 2026-11."""

from __future__ import annotations

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The longest module path that begins a name says whose name it is.
FRAMEWORKS = {
    "agents": "openai_agents", "langchain": "langgraph", "langchain_core": "langgraph", "langgraph": "langgraph",
    "langchain_community": "langgraph", "langchain_openai": "langgraph", "langchain_anthropic": "langgraph",
    "langgraph_supervisor": "langgraph", "langgraph_swarm": "langgraph", "deepagents": "langgraph",
    "langchain_experimental": "langgraph", "langchain_mcp_adapters": "langgraph", "langchain_postgres": "langgraph",
    "langchain_chroma": "langgraph", "langchain_pinecone": "langgraph", "crewai": "crewai", "crewai_tools": "crewai",
    "google.adk": "google_adk", "autogen": "autogen", "autogen_agentchat": "autogen", "autogen_core": "autogen",
    "autogen_ext": "autogen", "agent_framework": "microsoft_agent", "agent_framework_azure_ai": "microsoft_agent",
    "semantic_kernel": "semantic_kernel", "llama_index": "llama_index", "smolagents": "smolagents",
    "strands": "strands", "strands_tools": "strands", "pydantic_ai": "pydantic_ai", "mcp": "mcp", "fastmcp": "mcp",
    "a2a": "a2a", "bedrock_agentcore": "agentcore", "claude_agent_sdk": "claude_agent_sdk",
    "claude_code_sdk": "claude_agent_sdk", "agno": "agno",
}  # fmt: skip
WORDS = (
    b"agent", b"langchain", b"langgraph", b"crewai", b"autogen", b"semantic_kernel", b"llama_index", b"strands",
    b"pydantic_ai", b"mcp", b"a2a", b"claude_code_sdk", b"agno", b"adk",
)  # fmt: skip
"""One of them stands in whatever PREFILTER finds something in; looking for all of them takes a fifth of its time."""

PREFILTER = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+(?:google[ \t]+import[ \t]+adk|(?:google\.adk|agents|langchain\w*|langgraph\w*"
    rb"|deepagents|crewai\w*|autogen\w*|agent_framework\w*|semantic_kernel|llama_index|smolagents|strands\w*"
    rb"|pydantic_ai|mcp|fastmcp|a2a|bedrock_agentcore\w*|claude_agent_sdk|claude_code_sdk|agno)(?![\w]))",
    re.MULTILINE,
)

AGENTS = {
    "openai_agents": _set("Agent SandboxAgent RealtimeAgent"),
    "langgraph": _set(
        "create_react_agent create_agent create_deep_agent initialize_agent AgentExecutor create_supervisor "
        "create_swarm"
    ),
    "crewai": _set("Agent LiteAgent"),
    "google_adk": _set("Agent LlmAgent SequentialAgent ParallelAgent LoopAgent"),
    "autogen": _set(
        "AssistantAgent UserProxyAgent ConversableAgent CodeExecutorAgent OpenAIAssistantAgent MultimodalWebSurfer "
        "FileSurfer MagenticOneCoderAgent GPTAssistantAgent"
    ),
    "microsoft_agent": _set("ChatAgent Agent"),
    "semantic_kernel": _set(
        "ChatCompletionAgent OpenAIAssistantAgent AzureAIAgent AzureAssistantAgent BedrockAgent OpenAIResponsesAgent"
    ),
    "llama_index": _set("FunctionAgent ReActAgent CodeActAgent AgentWorkflow OpenAIAgent FunctionCallingAgent"),
    "smolagents": _set("CodeAgent ToolCallingAgent MultiStepAgent"),
    "strands": _set("Agent"),
    "pydantic_ai": _set("Agent"),
    "claude_agent_sdk": _set("ClaudeAgentOptions ClaudeCodeOptions"),
    "agno": _set("Agent Team"),
}
# Agents behind an address: a card or a URL stands in their arguments.
REMOTE_AGENTS = _set("RemoteA2aAgent A2AAgent RemoteAgent A2AClient")
# Without one of these a call of a generic name is something else.
AGENT_WORDS = _set(
    "name role goal instructions instruction system_prompt system_message prompt model llm tools handoffs sub_agents "
    "mcp_servers config model_client llm_config chat_client kernel agents permission_mode allowed_tools agent service"
)
# Frameworks that run a function tool without asking anybody unless they are told to (their documentation, 2026-11).
UNASKED = _set(
    "openai_agents langgraph crewai google_adk autogen microsoft_agent semantic_kernel llama_index smolagents strands "
    "pydantic_ai agno"
)
HANDOVERS = {
    "handoffs": "handoff", "sub_agents": "sub_agent", "managed_agents": "sub_agent", "agents": "team",
    "participants": "team", "members": "team", "subagents": "sub_agent",
}  # fmt: skip
TOOL_ARGUMENTS = _set("tools functions plugins toolsets builtin_tools mcp_servers allowed_tools model_client_tools")
TOOL_DECORATORS = _set("tool function_tool kernel_function ai_function tool_plain")
WRAPPERS = _set("function_tool tool FunctionTool LongRunningFunctionTool Tool StructuredTool from_function AIFunction")
AGENT_TOOLS = _set("AgentTool as_tool handoff as_agent_tool")
SERVERS = _set(
    "StdioServerParameters MCPServerStdio MCPServerSse MCPServerSSE MCPServerStreamableHttp MCPServerStreamableHTTP "
    "MCPServerHTTP MCPStdioTool MCPStreamableHTTPTool MCPWebsocketTool StdioServerParams SseServerParams "
    "StreamableHttpServerParams SseConnectionParams StreamableHTTPConnectionParams SseServerParameters "
    "StreamableHTTPServerParams sse_client streamablehttp_client streamable_http_client BasicMCPClient "
    "MCPStdioPlugin MCPSsePlugin MCPStreamableHttpPlugin HostedMCPTool MCPTool MCPServerTool"
)
SERVER_MAPS = _set("MultiServerMCPClient")
MEMORIES = _set(
    "Chroma PGVector PineconeVectorStore Pinecone QdrantVectorStore Qdrant Weaviate WeaviateVectorStore Milvus "
    "PostgresSaver AsyncPostgresSaver RedisSaver AsyncRedisSaver SqliteSaver AsyncSqliteSaver MongoDBSaver "
    "PostgresStore AsyncPostgresStore RedisStore InMemoryStore InMemorySaver MemorySaver SQLiteSession "
    "SQLAlchemySession RedisSession DatabaseSessionService VertexAiMemoryBankService VertexAiRagMemoryService "
    "InMemoryMemoryService AgentCoreMemorySessionManager AgentCoreMemorySaver ChromaDBVectorMemory "
    "ListMemory Mem0Memory "
    "RedisChatMessageHistory PostgresChatMessageHistory ChromaVectorStore PGVectorStore Memory ChatMemoryBuffer "
    "S3SessionManager FileSessionManager Mem0Provider RedisProvider"
)
MEMORY_KEYS = (
    "collection_name", "index_name", "memory_id", "table_name", "collection", "db_url", "connection_string",
    "connection", "url", "redis_url", "db_path", "persist_directory", "bucket", "storage_dir",
)  # fmt: skip
# What signs in as whoever or whatever runs the process, and the kind of thing it takes that from.
AMBIENT = {
    "DefaultAzureCredential": "environment", "AzureCliCredential": "cloud_profile",
    "AzureDeveloperCliCredential": "cloud_profile", "AzurePowerShellCredential": "cloud_profile",
    "ManagedIdentityCredential": "metadata", "WorkloadIdentityCredential": "environment",
    "EnvironmentCredential": "environment",
}  # fmt: skip
AMBIENT_CALLS = {
    "boto3.client": "environment", "boto3.resource": "environment", "boto3.Session": "environment",
    "boto3.session.Session": "environment", "google.auth.default": "environment",
}  # fmt: skip
SANDBOXES = {
    "LocalCommandLineCodeExecutor": "none", "UnsafeLocalCodeExecutor": "none", "PythonREPLTool": "none",
    "PythonREPL": "none", "ShellTool": "none", "LocalShellTool": "none", "PythonAstREPLTool": "none",
    "DockerCommandLineCodeExecutor": "docker", "ContainerCodeExecutor": "docker",
    "DockerJupyterCodeExecutor": "docker", "BuiltInCodeExecutor": "provider", "VertexAiCodeExecutor": "provider",
    "CodeInterpreterTool": "provider", "HostedCodeInterpreterTool": "provider", "E2BDataInterpreterTool": "e2b",
    "AgentCoreCodeInterpreter": "provider", "ACADynamicSessionsCodeExecutor": "provider",
}  # fmt: skip


def framework_of(name: str) -> str | None:
    """Whose name a dotted name is, or None for any other library's."""
    parts = name.split(".")
    for size in range(min(len(parts), 2), 0, -1):
        if found := FRAMEWORKS.get(".".join(parts[:size])):
            return found
    return None

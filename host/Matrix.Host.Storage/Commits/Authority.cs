namespace Matrix.Host.Storage.Commits;

/// <summary>The kinds of what can have authority over a batch.</summary>
public enum AuthorityKind
{
    /// <summary>Nothing in memory.</summary>
    Nobody,

    /// <summary>A room.</summary>
    Room,

    /// <summary>A local user.</summary>
    User,

    /// <summary>Another server.</summary>
    Server,

    /// <summary>An application service.</summary>
    AppService,

    /// <summary>Work in the background that is done in one place.</summary>
    Duty,

    /// <summary>A session or flow whose id this server has made.</summary>
    Minted,
}

/// <summary>
/// What has authority over a batch: memory of it decides what is written, such as a room's lane or a user's lock. Two
/// owners of one authority would decide against each other. `docs/authority.md` lists that memory.
/// </summary>
public readonly record struct Authority
{
    private readonly string? _name;

    private Authority(AuthorityKind kind, string name) => (Kind, _name) = (kind, name);

    /// <summary>
    /// Nothing in memory: conditions in the flush decide the outcome, or every order of the batch and others is right.
    /// </summary>
    public static Authority Nobody => default;

    /// <summary>The kind.</summary>
    public AuthorityKind Kind { get; }

    /// <summary>The name within the kind; empty for nobody.</summary>
    public string Name => _name ?? "";

    /// <summary>A room: its lane, and what waits in it.</summary>
    public static Authority Room(string roomId) => new(AuthorityKind.Room, roomId);

    /// <summary>A local user: their lock, presence, connections and pushers.</summary>
    public static Authority User(string userId) => new(AuthorityKind.User, userId);

    /// <summary>Another server: what it sends, what it is sent, and what is known of its users and keys.</summary>
    public static Authority Server(string serverName) => new(AuthorityKind.Server, serverName);

    /// <summary>An application service: what it is sent.</summary>
    public static Authority AppService(string id) => new(AuthorityKind.AppService, id);

    /// <summary>Work in the background, such as an index. What follows changes has the name of its position.</summary>
    public static Authority Duty(string name) => new(AuthorityKind.Duty, name);

    /// <summary>A session or flow in memory whose id this server has made.</summary>
    public static Authority Minted(string id) => new(AuthorityKind.Minted, id);

    /// <summary>The kind only: ids of sessions are secret.</summary>
    public override string ToString() =>
        Kind is AuthorityKind.Nobody or AuthorityKind.Minted ? Kind.ToString() : $"{Kind} {Name}";
}

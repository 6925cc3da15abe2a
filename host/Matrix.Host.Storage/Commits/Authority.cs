using Matrix.Core.Cluster;

namespace Matrix.Host.Storage.Commits;

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

    /// <summary>The kind; 0 for nobody.</summary>
    public AuthorityKind Kind { get; }

    /// <summary>Whether nothing has authority.</summary>
    public bool IsNobody => Kind == 0;

    /// <summary>The number of the shard that it belongs to. Nobody belongs to none.</summary>
    public int Shard => Shards.Of(Kind, Name);

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
    public static Authority Minted(string id) => new(AuthorityKind.MintedId, id);

    /// <summary>The kind only: ids of sessions are secret.</summary>
    public override string ToString() =>
        IsNobody ? "nobody" : Kind == AuthorityKind.MintedId ? "a minted id" : $"{Kind} {Name}";
}

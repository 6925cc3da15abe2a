using Matrix.Core.Ident;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Api.Http.Owners;

/// <summary>
/// What the requests of a route belong to, so that the node answers that has the shard of it. Each route declares it
/// where it is mapped: `routes.Of(RouteOwner.Room).Put(...)`. `docs/authority.md`, "Routes".
/// </summary>
public sealed class RouteOwner
{
    private readonly Func<RoutedRequest, CancellationToken, ValueTask<Authority>>? _find;

    private RouteOwner(
        OwnerKind kind, string name = "", Func<RoutedRequest, CancellationToken, ValueTask<Authority>>? find = null) =>
        (Kind, Name, _find) = (kind, name, find);

    /// <summary>
    /// Nothing: any node answers. It reads storage and what follows the changes of every flush, or writes what
    /// conditions in the flush decide.
    /// </summary>
    public static RouteOwner Nobody { get; } = new(OwnerKind.Nobody);

    /// <summary>This process, also while it does not serve: how it is.</summary>
    public static RouteOwner Process { get; } = new(OwnerKind.Process);

    /// <summary>The room `roomId` of the path.</summary>
    public static RouteOwner Room { get; } = new(OwnerKind.Room, "roomId");

    /// <summary>The user who calls, or as whom an application service acts. Nobody if there is none.</summary>
    public static RouteOwner Caller { get; } = new(OwnerKind.Caller);

    /// <summary>The user `userId` of the path, if it is one of this server.</summary>
    public static RouteOwner User { get; } = new(OwnerKind.User, "userId");

    /// <summary>The server that signed the request.</summary>
    public static RouteOwner Origin { get; } = new(OwnerKind.Origin);

    /// <summary>The server `serverName` of the path: what it is sent.</summary>
    public static RouteOwner Server { get; } = new(OwnerKind.Server, "serverName");

    /// <summary>The application service that calls.</summary>
    public static RouteOwner AppService { get; } = new(OwnerKind.AppService);

    /// <summary>
    /// What only the handler finds in the body, such as a session of interactive authentication. The request is handled
    /// where it arrives, until the handler enters a shard of another node: then it goes there, with its body.
    /// </summary>
    public static RouteOwner InBody { get; } = new(OwnerKind.InBody);

    /// <summary>The session of pages in a cookie. It is found as <see cref="InBody"/> is.</summary>
    public static RouteOwner InCookie { get; } = new(OwnerKind.InCookie);

    /// <summary>The kind.</summary>
    public OwnerKind Kind { get; }

    /// <summary>The name of the parameter that has it, or of a duty; empty for the other kinds.</summary>
    internal string Name { get; }

    /// <summary>Whether only the handler finds the owner, so that the body must be kept until it has.</summary>
    public bool IsFoundByHandler => Kind is OwnerKind.InBody or OwnerKind.InCookie;

    /// <summary>Work in the background: what it knows, or that it is woken.</summary>
    public static RouteOwner Duty(Authority duty) => new(OwnerKind.Duty, duty.Name);

    /// <summary>An id that this server made, as a parameter of the path.</summary>
    public static RouteOwner MintedInPath(string name) => new(OwnerKind.Minted, name);

    /// <summary>An id that this server made, as a parameter of the query.</summary>
    public static RouteOwner MintedInQuery(string name) =>
        new(OwnerKind.Minted, name, (request, _) => new(MintedOf(request.InQuery(name))));

    /// <summary>
    /// The room `roomIdOrAlias` of the path. Of an alias that is not in storage, nobody: the handler asks others for
    /// its room.
    /// </summary>
    public static RouteOwner RoomOrAlias(RoomAliasDirectory aliases) => OfAlias(aliases, "roomIdOrAlias");

    /// <summary>The room of the alias `roomAlias` of the path; nobody if it is not in storage.</summary>
    public static RouteOwner RoomOfAlias(RoomAliasDirectory aliases) => OfAlias(aliases, "roomAlias");

    /// <summary>What a function finds in storage.</summary>
    internal static RouteOwner Found(Func<RoutedRequest, CancellationToken, ValueTask<Authority>> find) =>
        new(OwnerKind.Found, find: find);

    /// <summary>
    /// What has authority over a request that is admitted. Nobody if any node answers it, also because the request is
    /// wrong; and if only the handler finds the owner (<see cref="IsFoundByHandler"/>).
    /// </summary>
    internal ValueTask<Authority> FindAsync(RoutedRequest request, CancellationToken stop) =>
        _find is null ? new(Find(request)) : _find(request, stop);

    /// <inheritdoc/>
    public override string ToString() => Name.Length == 0 ? $"{Kind}" : $"{Kind} {Name}";

    private Authority Find(RoutedRequest request) => Kind switch
    {
        OwnerKind.Room when request[Name] is { Length: > 0 } roomId => Authority.Room(roomId),
        OwnerKind.Caller when request.Caller is { } caller => Authority.User(caller.UserId),
        OwnerKind.User when request[Name] is { Length: > 0 } userId && UserId.Server(userId) == request.ServerName =>
            Authority.User(userId),
        OwnerKind.Origin when request.Peer is { } peer => Authority.Server(peer.ServerName),
        OwnerKind.Server when request[Name] is { Length: > 0 } server => Authority.Server(server),
        OwnerKind.AppService when request.Service is { } service => Authority.AppService(service.Id),
        OwnerKind.Duty => Authority.Duty(Name),
        OwnerKind.Minted => MintedOf(request[Name]),
        _ => Authority.Nobody,
    };

    private static Authority MintedOf(string id) => id.Length == 0 ? Authority.Nobody : Authority.Minted(id);

    private static RouteOwner OfAlias(RoomAliasDirectory aliases, string name) =>
        new(OwnerKind.RoomOrAlias, name, (request, stop) => request[name] switch
        {
            "" => new(Authority.Nobody),
            ['#', ..] alias => OfAliasAsync(aliases, alias, stop),
            var roomId => new(Authority.Room(roomId)),
        });

    private static async ValueTask<Authority> OfAliasAsync(
        RoomAliasDirectory aliases, string alias, CancellationToken stop) =>
        await aliases.FindAsync(alias, stop) is { } row ? Authority.Room(row.RoomId) : Authority.Nobody;
}

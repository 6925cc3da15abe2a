using Matrix.Core.Ident;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;

namespace Matrix.Host.Rooms.Aliases;

/// <summary>The room of an alias.</summary>
/// <param name="Servers">Servers that are in the room, as far as they are known.</param>
public sealed record ResolvedAlias(string RoomId, IReadOnlyList<string> Servers);

/// <summary>
/// Finds the rooms of aliases: those of this server in its directory, others at their servers.
/// v1.19 client-server-api#room-aliases
/// </summary>
public sealed class AliasResolver(
    RoomAliasDirectory aliases, FederationOperations api, UserRequests requests, RoomsOptions options)
{
    /// <summary>The room of an alias.</summary>
    /// <param name="who">The user, application service or address that causes a request to another server.</param>
    /// <param name="alias">The alias.</param>
    /// <param name="mayAsk">
    /// Whether another server or an application service may be asked now. Called before one is; null for always.
    /// </param>
    public async ValueTask<RoomResult<ResolvedAlias>> FindAsync(
        string who, string alias, CancellationToken stop, Func<bool>? mayAsk = null)
    {
        var server = RoomAlias.Server(alias);
        if (server == options.ServerName)
        {
            var row = await aliases.FindOrAskAsync(alias, stop, mayAsk);
            return row.IsOk ? new ResolvedAlias(row.Value.RoomId, [server]) : row.Failure;
        }

        if (mayAsk?.Invoke() == false) return RoomAliasDirectory.NotNow;
        var found = await requests.SendAsync(
            who, server, within => api.QueryDirectoryAsync(server, alias, within), stop);
        if (!found.IsOk)
        {
            return found.Failure!.ErrorCode == "M_NOT_FOUND"
                ? RoomAliasDirectory.Missing(alias)
                : new RoomFailure(
                    RoomFailureKind.Unreachable, $"{server} did not resolve the alias: {found.Failure.Message}");
        }

        return RoomId.IsValid(found.Value.RoomId)
            ? new ResolvedAlias(
                found.Value.RoomId,
                [.. found.Value.Servers.Where(ServerName.IsValid).Distinct().Take(options.MaxDirectoryServers)])
            : new RoomFailure(RoomFailureKind.Unreachable, $"{server} resolved the alias to an invalid room id.");
    }
}

using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>
/// Binds identifiers of users at identity servers, and remembers where, so that they can be unbound.
/// v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
public sealed partial class IdentityBindings(
    ThirdPartyIdsTable thirdPartyIdsTable,
    IStorageWriter writer,
    IdentityApi identity,
    ThirdPartyIdOptions options,
    ILogger<IdentityBindings> log)
{
    /// <summary>Binds the identifier of a session of an identity server.</summary>
    public async ValueTask<IdentityFailure?> BindAsync(
        string userId, NamedIdentityServer server, string sessionId, string clientSecret, CancellationToken stop)
    {
        var bindings = await thirdPartyIdsTable.BindingsAsync(userId, stop);
        if (bindings.Count >= options.MostOfUser)
        {
            return new IdentityFailure(403, "M_FORBIDDEN", $"An account has at most {options.MostOfUser} bindings.");
        }

        var bound = await identity.BindAsync(server, sessionId, clientSecret, userId, stop);
        if (!bound.IsOk) return bound.Failure;
        var (medium, address) = bound.Value;
        var binding = new ThirdPartyBinding(userId, medium, address, server.Name);

        // Not cancelled: the identity server has done it.
        var batch = new WriteBatch(Authority.Nobody, 1).Add(new ThirdPartyIdBound(binding, options.MostOfUser));
        await writer.WriteAsync(batch, CancellationToken.None);
        return null;
    }

    /// <summary>Unbinds an identifier.</summary>
    /// <param name="server">The identity server; null for those at which it was bound through this server.</param>
    /// <returns>Whether it is bound nowhere any more, and the error of an identity server, if it has one.</returns>
    public async ValueTask<(bool IsUnbound, IdentityFailure? Failure)> UnbindAsync(
        string userId, ThirdPartyId id, string? server, CancellationToken stop)
    {
        var known = await thirdPartyIdsTable.BindingsAsync(userId, stop);
        ThirdPartyBinding[] bindings = server is not null
            ? [new ThirdPartyBinding(userId, id.Medium, id.Address, server)]
            : [.. known.Where(binding => binding.Medium == id.Medium && binding.Address == id.Address)];
        if (bindings.Length == 0) return (false, null);
        IdentityFailure? failure = null;
        foreach (var binding in bindings) failure ??= await UnbindAsync(binding, stop);
        return (failure is null, failure);
    }

    /// <summary>Unbinds all identifiers of an account that has ended.</summary>
    /// <param name="owned">The identifiers that the account had.</param>
    /// <param name="server">The identity server; null for those at which they were bound.</param>
    /// <returns>Whether all are unbound.</returns>
    internal async ValueTask<bool> UnbindAllAsync(
        string userId, IReadOnlyList<ThirdPartyIdRow> owned, string? server, CancellationToken stop)
    {
        var known = await thirdPartyIdsTable.BindingsAsync(userId, stop);
        var all = server is null
            ? known
            : [.. known.Select(static binding => (binding.Medium, binding.Address))
                .Concat(owned.Select(static row => (row.Medium, row.Address)))
                .Distinct()
                .Select(each => new ThirdPartyBinding(userId, each.Medium, each.Address, server))];

        // Where an identifier was bound otherwise than through this server is not known here.
        var isUnbound = server is not null || owned.All(row =>
            known.Any(binding => binding.Medium == row.Medium && binding.Address == row.Address));
        var silent = new HashSet<string>(StringComparer.Ordinal);
        foreach (var binding in all)
        {
            if (silent.Contains(binding.IdServer)) continue;
            if (await UnbindAsync(binding, stop) is { } failure)
            {
                isUnbound = false;

                // A server that does not answer is not waited for again.
                if (failure.Status == 0) silent.Add(binding.IdServer);
                StillBound(binding.UserId, binding.IdServer, failure.Message);
            }
        }

        return isUnbound;
    }

    private async ValueTask<IdentityFailure?> UnbindAsync(ThirdPartyBinding binding, CancellationToken stop)
    {
        var failure = await identity.UnbindAsync(
            binding.IdServer, binding.Medium, binding.Address, binding.UserId, stop);
        if (failure is null)
        {
            await writer.WriteAsync(
                new WriteBatch(Authority.Nobody, 1).Add(new ThirdPartyIdUnbound(binding)), CancellationToken.None);
        }

        return failure;
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "An identifier of {UserId}, whose account has ended, is still bound at {IdServer}: {Reason}")]
    private partial void StillBound(string userId, string idServer, string reason);
}

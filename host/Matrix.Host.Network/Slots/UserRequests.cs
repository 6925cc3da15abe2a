using Matrix.Host.Network.FederationClient;

namespace Matrix.Host.Network.Slots;

/// <summary>
/// Requests to other servers that local users cause and wait for: about rooms, aliases and directories, and for their
/// joins, knocks and leaves. Only so many are sent at once, a part of them for one user.
/// </summary>
public sealed class UserRequests(NetworkOptions options, ServerPaces paces, TimeProvider time) : IDisposable
{
    private readonly WorkSlots _slots = new(new SlotBounds(options.UserRequests), paces, time);

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    /// <summary>Sends a request when there is a place for it.</summary>
    /// <param name="who">The user, application service or address that causes it.</param>
    /// <param name="server">The server.</param>
    /// <param name="send">Sends the request.</param>
    /// <param name="stop">Cancels the waiting, and the request.</param>
    public ValueTask<FederationResult<T>> SendAsync<T>(
        string who,
        string server,
        Func<CancellationToken, ValueTask<FederationResult<T>>> send,
        CancellationToken stop) => _slots.SendAsync(who, server, send, stop);
}

/// <summary>Requests in places.</summary>
public static class SlottedRequests
{
    /// <summary>Sends a request when there is a place for it. A server that refuses it has answered.</summary>
    public static async ValueTask<FederationResult<T>> SendAsync<T>(
        this WorkSlots slots,
        string who,
        string server,
        Func<CancellationToken, ValueTask<FederationResult<T>>> send,
        CancellationToken stop)
    {
        using var slot = await slots.EnterAsync(who, server, stop);
        var result = await send(stop);
        slot.IsReached = result.Failure is null or { Kind: FederationFailureKind.Refused };
        return result;
    }
}

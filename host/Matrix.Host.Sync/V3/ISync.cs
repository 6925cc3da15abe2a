namespace Matrix.Host.Sync.V3;

/// <summary>Answers sync. Client-Server API, "Syncing".</summary>
public interface ISync
{
    /// <summary>
    /// What is new for a device, at once or when there is something, at the latest when the time is up. Null if the token is none of this
    /// server's.
    /// </summary>
    ValueTask<SyncAnswer?> SyncAsync(SyncRequest request, CancellationToken stop);
}

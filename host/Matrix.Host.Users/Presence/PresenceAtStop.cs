using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// Saves who is present when the server stops in order, and takes it up at the next start: clients must learn that a
/// user does not come back.
/// </summary>
public sealed partial class PresenceAtStop(
    PresenceBoard board, PresenceTable presenceTable, IStorageWriter writer, ILogger<PresenceAtStop> log)
    : IHostedService
{
    private static readonly Authority _duty = Authority.Duty("presence at stop");

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!board.IsOn) return;
        board.Restore(await presenceTable.AtStopAsync(cancellationToken));
        writer.Post(new WriteBatch(_duty, 1).Add(new PresenceStopped([])));
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!board.IsOn) return;
        try
        {
            await writer.WriteAsync(
                new WriteBatch(_duty, 1).Add(new PresenceStopped(board.Present())), cancellationToken);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // Clients show them until they come back.
            NotSaved(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The users who are present were not saved")]
    private partial void NotSaved(Exception fault);
}

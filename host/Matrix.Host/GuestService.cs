using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Guests;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Makes guests leave rooms that no longer admit them, and ends the accounts of unused guests.</summary>
internal sealed partial class GuestService(
    GuestDepartures departures, UnusedGuests unused, TimeProvider clock, ILogger<GuestService> log) : BackgroundService
{
    private static readonly TimeSpan _interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Neither ends by itself: what fails stops the server, and is not waited for by the other.
            var leaving = departures.RunAsync(
                failed => NotLeft(failed.UserId, failed.RoomId, failed.Reason), stoppingToken);
            var ended = await Task.WhenAny(leaving, EndUnusedAsync(stoppingToken));
            await ended;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }

    private async Task EndUnusedAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_interval, clock);
        while (await timer.WaitForNextTickAsync(stop))
        {
            try
            {
                var ended = await unused.EndAsync(stop);
                if (ended > 0) Ended(ended);
            }
            catch (StorageException fault)
            {
                // The next round finds the same guests.
                NotEnded(fault);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The guest {UserId} could not leave the room {RoomId}; the server will retry: {Reason}")]
    private partial void NotLeft(string userId, string roomId, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The accounts of {Count} unused guests have ended.")]
    private partial void Ended(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Accounts of unused guests did not end. The server will retry.")]
    private partial void NotEnded(StorageException fault);
}

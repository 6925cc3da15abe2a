using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// Work in the background that one process does: of several nodes, the one that has the shard of the duty's name. When
/// the shard is given away, the work is cancelled, and begins again where it comes to.
/// </summary>
/// <param name="duty">The duty.</param>
public abstract class DutyService(Authority duty, ShardGates gates) : BackgroundService
{
    /// <summary>Works until it is cancelled, from what is durable.</summary>
    protected abstract Task WorkAsync(CancellationToken stop);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            using var visit = await gates.EnterWhenOpenAsync(duty, stoppingToken);
            using var here = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, visit.Closing);
            try
            {
                await WorkAsync(here.Token);
                return;
            }
            catch (OperationCanceledException) when (
                here.IsCancellationRequested && !stoppingToken.IsCancellationRequested)
            {
                // The shard goes to another node.
            }
        }
    }
}

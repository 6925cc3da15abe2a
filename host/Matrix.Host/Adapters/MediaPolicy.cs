using Matrix.Host.Media.Remote;
using Matrix.Host.Rooms.Policies;

namespace Matrix.Host.Adapters;

/// <summary>Refuses media of servers that a policy list names.</summary>
internal sealed class MediaPolicy(PolicyLists policies) : IMediaPolicy
{
    public async ValueTask<bool> RefusesAsync(string server, CancellationToken stop) =>
        await policies.OfServerAsync(server, stop) is not null;
}

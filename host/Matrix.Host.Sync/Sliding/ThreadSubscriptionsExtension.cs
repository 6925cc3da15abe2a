using Matrix.Core.Sync;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Streams.Streams.Threads;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Subscriptions to threads that changed, in all rooms: the latest, and a token for the others. MSC4308, which is not
/// merged.
/// </summary>
/// <param name="name">Its name: it has another one until it is merged.</param>
internal sealed class ThreadSubscriptionsExtension(string name, ThreadSubscriptions subscriptions) : ISlidingExtension
{
    public const string UnstableName = "io.element.msc4308.thread_subscriptions";
    public const string StableName = "thread_subscriptions";

    public string Name => name;

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var after = pass.Base.Positions.GetValueOrDefault(StableName);
        pass.Next.Positions[StableName] = pass.UpTo;
        if (pass.Stream is { } stream && stream.KnownSince <= after && stream.LastThreads <= after) return;

        var most = pass.Options.MaxSlidingThreads;
        var limit = Math.Clamp(request.Limit ?? Math.Min(ThreadSubscriptionFormat.UsualLimit, most), 1, most);
        var changes = await subscriptions.ChangedAsync(
            pass.Reader.UserId, after, ThreadPlace.EndOf(pass.UpTo), limit + 1, stop);
        if (changes.Count == 0) return;
        pass.HasNews = true;
        var page = changes.Take(limit).ToList();
        pass.Json.WriteStartObject(Name);
        ThreadSubscriptionFormat.Write(pass.Json, page);
        if (changes.Count > limit)
        {
            pass.Json.WriteString("prev_batch"u8, ThreadSubscriptionFormat.TokenBefore(page[^1]));
        }

        pass.Json.WriteEndObject();
    }
}

using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Streams.Threads;

namespace Matrix.Host.Api.Client.ThreadSubscriptions;

/// <summary>
/// A user's subscriptions to threads in all rooms, the latest change first: what sliding sync left out. MSC4308, which
/// is not merged.
/// </summary>
internal sealed class ChangedSubscriptions(Rooms.Threads.ThreadSubscriptions subscriptions, SyncOptions options)
    : IEndpoints
{
    private sealed record Asked(ThreadPlace? From, long To, int Limit);

    public void Map(ClientRoutes routes) =>
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/io.element.msc4308/").Get(
            "thread_subscriptions", Read, GetAsync);

    private static Asked Read(QueryReader query)
    {
        if (query.OneOf("dir", "b") is null) query.Refuse(MatrixError.MissingParam, "`dir` is missing: it is `b`.");
        ThreadPlace? from = null;
        var to = 0L;
        if (query.Token("from") is { } token)
        {
            if (ThreadSubscriptionFormat.TryParse(token, out var place)) from = place;
            else query.Refuse(MatrixError.InvalidParam, "`from` is no token of this endpoint.");
        }

        if (query.Token("to") is { } pos && !ThreadSubscriptionFormat.TryPosition(pos, out to))
        {
            query.Refuse(MatrixError.InvalidParam, "`to` is no position of sliding sync.");
        }

        var limit = query.Number("limit", 1) ?? ThreadSubscriptionFormat.UsualLimit;
        return new Asked(from, to, (int)Math.Min(limit, int.MaxValue));
    }

    private async ValueTask<Answer> GetAsync(Call call, Asked asked, CancellationToken stop)
    {
        var limit = Math.Min(asked.Limit, options.MaxSlidingThreads);
        var changes = await subscriptions.ChangedAsync(call.Caller.UserId, asked.To, asked.From, limit + 1, stop);
        return Answer.Json((changes, limit), static (json, it) =>
        {
            var page = it.changes.Take(it.limit).ToList();
            ThreadSubscriptionFormat.Write(json, page);
            if (it.changes.Count > it.limit) json.WriteString("end", ThreadSubscriptionFormat.TokenBefore(page[^1]));
        });
    }
}

using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Streams;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Client.SlidingSync;

/// <summary>
/// Sliding sync: `POST /v4/sync` as MSC4186 was merged, and the unstable endpoint, whose format is older.
/// </summary>
internal sealed class SlidingSync(ISlidingSync sync, PresenceBoard presence, SyncOptions options) : IEndpoints
{
    private static readonly Answer _unknown = Answer.Error(
        400, MatrixError.UnknownPos, "The position is unknown. Start a new connection.");

    private static readonly RouteOptions _options = new()
    {
        Access = Access.UsersAndGuests,
        OpenToSuspended = true,
        Rate = RateClass.None,
        Body = BodyLimit.Large,
        OnlyReads = true,
    };

    private readonly SlidingLimits _limits = new(options.MaxSlidingLists, options.MaxSlidingSubscriptions);

    public void Map(ClientRoutes routes)
    {
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/v4/").Post("sync", Read, PostAsync, _options);
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/org.matrix.simplified_msc3575/")
            .Post("sync", static body => body.Whole, PostUnstableAsync, _options);
    }

    private static JsonObject Read(BodyReader body)
    {
        if (body.Text("set_presence") is { } presence and not ("offline" or "online" or "unavailable"))
        {
            body.Refuse(MatrixError.InvalidParam, $"`set_presence` cannot be {presence}.");
        }

        return body.Whole;
    }

    private ValueTask<Answer> PostAsync(Call call, JsonObject json, CancellationToken stop)
    {
        var read = SlidingBody.Parse(json, _limits, sync.Extensions);
        return ValueTask.FromResult(AnswerOf(
            call, read, read.Body?.Pos, read.Body?.Timeout ?? 0, json.Text("set_presence"), isUnstable: false));
    }

    private ValueTask<Answer> PostUnstableAsync(Call call, JsonObject json, CancellationToken stop)
    {
        var query = call.Query;
        var asked = query.OneOf("set_presence", "offline", "online", "unavailable");
        var timeout = query.Number("timeout") ?? 0;
        if (query.Problem is { } problem) return ValueTask.FromResult(problem);
        var read = SlidingBody.ParseUnstable(json, call.Caller.UserId, _limits, sync.Extensions);
        return ValueTask.FromResult(AnswerOf(call, read, query.Text("pos"), timeout, asked, isUnstable: true));
    }

    private Answer AnswerOf(
        Call call, SlidingOutcome read, string? pos, long timeout, string? asked, bool isUnstable)
    {
        if (read.Body is not { } body) return Answer.Error(400, read.ErrCode, read.Problem);

        // A client that does not say is online.
        _ = PresenceStates.TryParse(asked ?? "online", out var state);
        var request = new SlidingRequest
        {
            Reader = call.Caller.Device,
            Body = body,
            Pos = pos,
            Timeout = TimeSpan.FromMilliseconds(Math.Min(timeout, int.MaxValue)),
            IsUnstable = isUnstable,
        };
        return Answer.InSteps(call, async (response, stop) =>
        {
            using var present = presence.Sync(call.Caller.Device, state);
            var outcome = await sync.SyncAsync(request, response, stop);
            return outcome.Kind switch
            {
                SlidingAnswerKind.Written => null,
                SlidingAnswerKind.Refused => Answer.InvalidParam(outcome.Problem!),
                SlidingAnswerKind.Busy => Answer.Busy,
                _ => _unknown,
            };
        }, waits: timeout > 0);
    }
}

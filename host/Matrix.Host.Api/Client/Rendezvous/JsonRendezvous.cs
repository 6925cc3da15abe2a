using System.Globalization;
using System.Text;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Users.Rendezvous;

namespace Matrix.Host.Api.Client.Rendezvous;

/// <summary>
/// Sessions in which two devices exchange JSON for a sign-in by QR code. MSC4388, which is not merged: with the
/// transaction ids of its latest text, and without, as clients have it.
/// </summary>
internal sealed class JsonRendezvous(RendezvousSessions sessions, RendezvousOptions options, TimeProvider clock)
    : IEndpoints
{
    private const int LongestTransactionId = 255;

    private sealed record Sent(string SequenceToken, string Data);

    public void Map(ClientRoutes routes)
    {
        if (!options.Enabled) return;
        var maker = new RouteOptions { Access = Access.Optional, Rate = RateClass.Rendezvous, OpenToSuspended = true };
        var open = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Rendezvous };
        var unstable = routes.At("/_matrix/client/unstable/io.element.msc4388/");
        unstable.Of(RouteOwner.Nobody).Get("rendezvous", DiscoverAsync, maker);
        unstable.Of(RouteOwner.Nobody).Post(
            "rendezvous", static body => body.RequiredFreeText("data"), CreateAsync, maker);
        var session = unstable.Of(RouteOwner.MintedInPath("rendezvousId"));
        session.Get("rendezvous/{rendezvousId}", GetAsync, open);
        session.Put("rendezvous/{rendezvousId}", Read, PutAsync, open);
        session.Put("rendezvous/{rendezvousId}/{txnId}", Read, PutOnceAsync, open);
        session.Delete("rendezvous/{rendezvousId}", DeleteAsync, open);
    }

    private static Sent Read(BodyReader body) =>
        new(body.RequiredFreeText("sequence_token"), body.RequiredFreeText("data"));

    private ValueTask<Answer> DiscoverAsync(Call call, CancellationToken stop) => ValueTask.FromResult(
        Answer.Json(MayCreate(call), static (json, may) => json.WriteBoolean("create_available", may)));

    private ValueTask<Answer> CreateAsync(Call call, string text, CancellationToken stop)
    {
        if (!MayCreate(call)) return Result(Answer.Forbidden("Only users of this server make sessions here."));
        var data = Encoding.UTF8.GetBytes(text);
        if (data.Length > options.MaxBytes) return Result(RendezvousAnswers.TooLarge(options));
        var (payload, wait) = sessions.Create(RendezvousForm.Json, AddressBlock.Of(call.Address), data);
        if (payload is null) return Result(RendezvousAnswers.Full(wait));
        RendezvousAnswers.KeepPrivate(call);
        return Result(Answer.Json((payload, Left: LeftOf(payload)), static (json, it) =>
        {
            json.WriteString("id", it.payload.Id);
            json.WriteString("sequence_token", TokenOf(it.payload));
            json.WriteNumber("expires_in_ms", it.Left);
        }));
    }

    private ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (RendezvousAnswers.Navigation(call) is { } refusal) return Result(refusal);
        if (sessions.Find(RendezvousForm.Json, call["rendezvousId"]) is not { } payload)
        {
            return Result(RendezvousAnswers.Unknown);
        }

        return Result(Answer.Json((payload, Left: LeftOf(payload)), static (json, it) =>
        {
            json.WriteString("data", it.payload.Data.Span);
            json.WriteString("sequence_token", TokenOf(it.payload));
            json.WriteNumber("expires_in_ms", it.Left);
        }));
    }

    private ValueTask<Answer> PutAsync(Call call, Sent sent, CancellationToken stop) => Send(call, sent, null);

    private ValueTask<Answer> PutOnceAsync(Call call, Sent sent, CancellationToken stop) =>
        call["txnId"].Length > LongestTransactionId
            ? Result(Answer.InvalidParam($"A transaction id has at most {LongestTransactionId} characters."))
            : Send(call, sent, call["txnId"]);

    private ValueTask<Answer> Send(Call call, Sent sent, string? transaction)
    {
        var data = Encoding.UTF8.GetBytes(sent.Data);
        if (data.Length > options.MaxBytes) return Result(RendezvousAnswers.TooLarge(options));
        var write = sessions.Write(
            RendezvousForm.Json,
            call["rendezvousId"],
            payload => TokenOf(payload) == sent.SequenceToken,
            data,
            transaction);
        if (write.Payload is not { } now) return Result(RendezvousAnswers.Unknown);
        RendezvousAnswers.KeepPrivate(call);
        return Result(write.Outcome switch
        {
            RendezvousOutcome.TooMany => RendezvousAnswers.TooMany(now, clock),
            RendezvousOutcome.Conflict => Answer.Error(
                409, "IO_ELEMENT_MSC4388_CONCURRENT_WRITE", "The `sequence_token` is not that of the current payload."),
            _ => Answer.Json(
                TokenOf(now), static (json, token) => json.WriteString("sequence_token", token)),
        });
    }

    private ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) => Result(
        sessions.Delete(RendezvousForm.Json, call["rendezvousId"]) ? Answer.Empty : RendezvousAnswers.Unknown);

    private bool MayCreate(Call call) => options.Open || call.CallerIfAny is { IsGuest: false };

    private long LeftOf(RendezvousPayload payload) =>
        Math.Max(0, (long)(payload.Expires - clock.GetUtcNow()).TotalMilliseconds);

    private static string TokenOf(RendezvousPayload payload) => payload.Revision.ToString(CultureInfo.InvariantCulture);

    private static ValueTask<Answer> Result(Answer answer) => ValueTask.FromResult(answer);
}

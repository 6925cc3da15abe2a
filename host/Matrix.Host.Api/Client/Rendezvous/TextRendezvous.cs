using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Users.Rendezvous;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Matrix.Host.Api.Client.Rendezvous;

/// <summary>
/// Sessions in which two devices exchange text for a sign-in by QR code. MSC4108 as of 2024, which is not merged, but
/// which clients use.
/// </summary>
internal sealed class TextRendezvous(
    RendezvousSessions sessions, RendezvousOptions options, ClientOptions client, TimeProvider clock) : IEndpoints
{
    private const string Prefix = "/_matrix/client/unstable/org.matrix.msc4108/";

    /// <summary>The least bytes a second at which a payload must arrive.</summary>
    private const int LeastRate = 240;

    private static readonly Answer _unknown = RendezvousAnswers.Unknown;

    public void Map(ClientRoutes routes)
    {
        if (!options.Enabled) return;
        var open = new RouteOptions { Access = Access.Anyone, Rate = RateClass.Rendezvous, ETags = true };
        var unstable = routes.At(Prefix);
        unstable.Of(RouteOwner.Nobody).Post("rendezvous", CreateAsync, open);
        var session = unstable.Of(RouteOwner.MintedInPath("rendezvousId"));
        session.Get("rendezvous/{rendezvousId}", GetAsync, open);
        session.Put("rendezvous/{rendezvousId}", PutAsync, open);
        session.Delete("rendezvous/{rendezvousId}", DeleteAsync, open);
    }

    private async ValueTask<Answer> CreateAsync(Call call, CancellationToken stop)
    {
        var (data, problem) = await ReadAsync(call, stop);
        if (problem is not null) return problem;
        var (payload, wait) = sessions.Create(RendezvousForm.Text, AddressBlock.Of(call.Address), data);
        if (payload is null) return RendezvousAnswers.Full(wait);
        Describe(call, payload);
        return Answer.Json(
            UrlOf(call, payload.Id), static (json, url) => json.WriteString("url", url), StatusCodes.Status201Created);
    }

    private ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (RendezvousAnswers.Navigation(call) is { } refusal) return ValueTask.FromResult(refusal);
        if (sessions.Find(RendezvousForm.Text, call["rendezvousId"]) is not { } payload)
        {
            return ValueTask.FromResult(_unknown);
        }

        Describe(call, payload);
        return ValueTask.FromResult(Names(call.Http.Request.Headers.IfNoneMatch, payload)
            ? Answer.NotModified
            : Answer.Text(payload.Data, StatusCodes.Status200OK));
    }

    private async ValueTask<Answer> PutAsync(Call call, CancellationToken stop)
    {
        var seen = call.Http.Request.Headers.IfMatch;
        if (seen.Count == 0) return Missing("If-Match");
        var (data, problem) = await ReadAsync(call, stop);
        if (problem is not null) return problem;
        var write = sessions.Write(
            RendezvousForm.Text, call["rendezvousId"], payload => Names(seen, payload), data);
        if (write.Payload is not { } now) return _unknown;
        Describe(call, now);
        return write.Outcome switch
        {
            RendezvousOutcome.Written => Answer.Text(default, StatusCodes.Status202Accepted),
            RendezvousOutcome.TooMany => RendezvousAnswers.TooMany(now, clock),
            _ => Answer.Error(
                StatusCodes.Status412PreconditionFailed,
                MatrixError.Unknown,
                "The payload is not the one that `If-Match` names.",
                static json => json.WriteString("org.matrix.msc4108.errcode", "M_CONCURRENT_WRITE")),
        };
    }

    private ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) => ValueTask.FromResult(
        sessions.Delete(RendezvousForm.Text, call["rendezvousId"]) ? Answer.NoContent : _unknown);

    private async ValueTask<(ReadOnlyMemory<byte> Data, Answer? Problem)> ReadAsync(Call call, CancellationToken stop)
    {
        var request = call.Http.Request;
        if (request.ContentType is not { } type) return (default, Missing("Content-Type"));
        if (!type.Split(';')[0].Trim().Equals("text/plain", StringComparison.OrdinalIgnoreCase))
        {
            return (default, Answer.InvalidParam("`Content-Type` must be `text/plain`."));
        }

        if (request.ContentLength is not { } length) return (default, Missing("Content-Length"));
        if (length > options.MaxBytes) return (default, RendezvousAnswers.TooLarge(options));
        try
        {
            var body = RequestBody.Raw(call.Http, options.MaxBytes, LeastRate);
            var data = new byte[(int)length];
            var read = await body.ReadAtLeastAsync(data.Length, stop);
            var isWhole = read.Buffer.Length == data.Length;
            if (isWhole) read.Buffer.CopyTo(data);
            body.AdvanceTo(read.Buffer.End);
            return isWhole ? (data, null) : (default, Answer.InvalidParam("The body is incomplete."));
        }
        catch (BadHttpRequestException broken)
        {
            return (default, RequestBody.Incomplete(call.Http, broken));
        }
    }

    /// <summary>The headers of every response about a payload.</summary>
    private void Describe(Call call, RendezvousPayload payload)
    {
        RendezvousAnswers.KeepPrivate(call);
        var headers = call.Http.Response.Headers;
        headers.ETag = TagOf(payload);
        headers.Expires = payload.Expires.ToString("R", CultureInfo.InvariantCulture);
        headers.LastModified = payload.Modified.ToString("R", CultureInfo.InvariantCulture);
        headers["X-Max-Bytes"] = options.MaxBytes.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Unlike the payload, it is another one after each write.</summary>
    private static string TagOf(RendezvousPayload payload) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{payload.Id.AsSpan(0, 8)}.{payload.Revision}\"");

    /// <summary>Whether a header names the payload. A proxy that compresses makes its ETag a weak one.</summary>
    private static bool Names(StringValues header, RendezvousPayload payload)
    {
        var tag = TagOf(payload);
        foreach (var line in header)
        {
            foreach (var part in (line ?? "").Split(',', StringSplitOptions.TrimEntries))
            {
                var given = part.StartsWith("W/", StringComparison.Ordinal) ? part[2..] : part;
                if (given == "*" || given == tag) return true;
            }
        }

        return false;
    }

    private string UrlOf(Call call, string id)
    {
        var request = call.Http.Request;
        var root = client.PublicBaseUrl.Length > 0
            ? client.PublicBaseUrl.TrimEnd('/')
            : $"{request.Scheme}://{request.Host.ToUriComponent()}";
        return $"{root}{Prefix}rendezvous/{id}";
    }

    private static Answer Missing(string header) =>
        Answer.Error(400, MatrixError.MissingParam, $"The header `{header}` is missing.");
}

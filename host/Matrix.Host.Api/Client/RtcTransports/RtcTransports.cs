using System.Text.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.RtcTransports;

/// <summary>
/// What carries the sound and pictures of calls. Not merged (MSC4143); clients of today look for it. LiveKit is the
/// only kind that is defined (MSC4195).
/// </summary>
internal sealed class RtcTransports(ClientOptions options) : IEndpoints
{
    /// <summary>The member of `/.well-known/matrix/client` in which older clients look.</summary>
    internal const string WellKnownMember = "org.matrix.msc4143.rtc_foci";

    public void Map(ClientRoutes routes) => routes.At("/_matrix/client/unstable/org.matrix.msc4143/").Get(
        "rtc/transports", Get, new RouteOptions { Access = Access.UsersAndGuests });

    /// <summary>Writes the transports as an array.</summary>
    internal static void Write(Utf8JsonWriter json, IReadOnlyList<string> liveKitServices)
    {
        json.WriteStartArray();
        foreach (var url in liveKitServices)
        {
            json.WriteStartObject();
            json.WriteString("type", "livekit");
            json.WriteString("livekit_service_url", url);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(
        Answer.Json(options.LiveKitServices, static (json, services) =>
        {
            json.WritePropertyName("rtc_transports");
            Write(json, services);
        }));
}

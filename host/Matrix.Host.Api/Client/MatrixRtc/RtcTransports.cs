using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Client.MatrixRtc;

/// <summary>The transports that clients use for calls between several users. MSC4143, "MatrixRTC".</summary>
internal sealed class RtcTransports(ClientOptions options) : IEndpoints
{
    private readonly Answer _answer = Answer.Prepared(json => Write(json, "rtc_transports", options));

    public void Map(ClientRoutes routes) =>
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/org.matrix.msc4143/").Get("rtc/transports", Get);

    /// <summary>Writes the configured transports as a member.</summary>
    internal static void Write(Utf8JsonWriter json, string name, ClientOptions options)
    {
        json.WriteStartArray(name);
        foreach (var transport in options.RtcTransports)
        {
            json.WriteRawValue(JsonText.Write(transport), skipInputValidation: true);
        }

        json.WriteEndArray();
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_answer);
}

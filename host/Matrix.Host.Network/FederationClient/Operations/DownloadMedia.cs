using System.Globalization;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /media/download/{mediaId}`: two parts, the second of which is the content or leads to it.
    /// v1.19 server-server-api#get_matrixfederationv1mediadownloadmediaid
    /// </summary>
    /// <param name="wait">How long the server waits for a content that has not been uploaded.</param>
    /// <param name="time">The time of the whole request.</param>
    public ValueTask<FederationResult<OpenReply>> DownloadMediaAsync(
        string server, string mediaId, TimeSpan wait, TimeSpan time, CancellationToken stop) =>
        client.OpenAsync(
            Get(server, $"{V1}media/download/{Escaped(mediaId)}{Query(WaitOf(wait))}") with { Time = time }, stop);

    /// <summary>
    /// The same of a server that has only the deprecated endpoint of clients: the content is the whole response.
    /// v1.19 client-server-api#get_matrixmediav3downloadservernamemediaid
    /// </summary>
    public ValueTask<FederationResult<OpenReply>> DownloadOpenMediaAsync(
        string server, string mediaId, TimeSpan wait, TimeSpan time, CancellationToken stop)
    {
        var query = Query(("allow_remote", "false"), WaitOf(wait));
        var target = $"/_matrix/media/v3/download/{Escaped(server)}/{Escaped(mediaId)}{query}";
        return client.OpenAsync(Get(server, target) with { IsSigned = false, Time = time }, stop);
    }

    private static (string, string?) WaitOf(TimeSpan wait) =>
        ("timeout_ms", ((long)wait.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));
}

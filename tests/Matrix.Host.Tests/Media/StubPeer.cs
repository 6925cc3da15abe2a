using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Tests.Media;

/// <summary>Other servers without a network: a test says what they respond to a request for media.</summary>
internal sealed class StubPeer : IFederationClient
{
    /// <summary>The servers and paths that were asked.</summary>
    internal ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>What responds.</summary>
    internal Func<FederationRequest, CancellationToken, ValueTask<FederationResult<OpenReply>>> Responds { get; set; } =
        static (_, _) => ValueTask.FromResult(Parts("a content"));

    public ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop) =>
        throw new NotSupportedException();

    public ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop) => throw new NotSupportedException();

    public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop)
    {
        Requests.Enqueue(request.Destination + request.Target);
        return Responds(request, stop);
    }

    /// <summary>A failure of a kind.</summary>
    internal static FederationResult<OpenReply> Fails(
        FederationFailureKind kind, int status = 0, string code = "") =>
        new FederationFailure(kind, status, code, "");

    /// <summary>A response in two parts.</summary>
    internal static FederationResult<OpenReply> Parts(string content) => Sends(
        new MemoryStream(Encoding.UTF8.GetBytes($"--b\r\n\r\n{{}}\r\n--b\r\n\r\n{content}\r\n--b--\r\n")));

    /// <summary>A response in two parts that breaks off in the second.</summary>
    internal static FederationResult<OpenReply> BreaksOff() => Sends(
        new Breaking(Encoding.UTF8.GetBytes("--b\r\n\r\n{}\r\n--b\r\n\r\nhalf a cont")));

    /// <summary>A response of the deprecated endpoint that breaks off.</summary>
    internal static FederationResult<OpenReply> OlderBreaksOff() =>
        Sends(new Breaking(Encoding.UTF8.GetBytes("half a cont")), "text/plain", 100);

    private static FederationResult<OpenReply> Sends(
        Stream body, string type = "multipart/mixed; boundary=b", long? length = null)
    {
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent([]) };
        response.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        response.Content.Headers.ContentLength = length;
        return new OpenReply(response, body, response.Dispose, CancellationToken.None);
    }

    /// <summary>A stream that ends as a connection does that is lost.</summary>
    private sealed class Breaking(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position < Length
                ? base.ReadAsync(buffer, cancellationToken)
                : throw new HttpIOException(HttpRequestError.ResponseEnded, "The connection was lost.");

        public override Task<int> ReadAsync(
            byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}

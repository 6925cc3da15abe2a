using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Makes connections. It checks each address when it connects, so that a name that resolves to another
/// address by then leads nowhere.
/// </summary>
internal sealed class Connector(NetworkOptions options, AddressPolicy policy, CertificateTrust trust)
{
    /// <summary>Connects to the first address of a server that can be reached, and authenticates it.</summary>
    /// <returns>
    /// The stream, encrypted unless the target is without TLS. It gives the slot back when it is closed.
    /// </returns>
    /// <exception cref="HttpFailureException">No address could be reached and authenticated.</exception>
    internal async ValueTask<Stream> ConnectAsync(HttpTarget target, SocketBudget.Slot slot, CancellationToken stop)
    {
        var allowed = target.EndPoints.Where(e => policy.Allows(e.Address)).Take(options.MaxAddressesTried).ToList();
        var fault = new HttpFailureException(
            HttpFailureKind.AddressRefused,
            target.EndPoints.Count == 0
                ? "the server has no address"
                : $"{target.EndPoints[0].Address} is in a network that is not allowed");
        foreach (var endPoint in allowed)
        {
            // A dead address leaves time for the others.
            using var share = CancellationTokenSource.CreateLinkedTokenSource(stop);
            share.CancelAfter(options.ConnectTime / allowed.Count);
            BudgetedStream? stream = null;
            try
            {
                stream = new BudgetedStream(await DialAsync(endPoint, share.Token));
                if (target.CertificateName is not { } name)
                {
                    stream.Slot = slot;
                    return stream;
                }

                var secure = new SslStream(stream);
                await trust.AuthenticateAsync(secure, name, share.Token);
                stream.Slot = slot;
                return secure;
            }
            catch (Exception failed) when (!stop.IsCancellationRequested)
            {
                fault = Explain(failed, endPoint, isConnected: stream is not null);
                if (stream is not null) await stream.DisposeAsync();
            }
            catch
            {
                if (stream is not null) await stream.DisposeAsync();
                throw;
            }
        }

        throw fault;
    }

    private static async ValueTask<Socket> DialAsync(IPEndPoint endPoint, CancellationToken stop)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, stop);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static HttpFailureException Explain(Exception fault, IPEndPoint endPoint, bool isConnected) => fault switch
    {
        OperationCanceledException =>
            new HttpFailureException(HttpFailureKind.TimedOut, $"{endPoint} did not answer in time", fault),
        // Besides failures of TLS these are names that no certificate can have.
        AuthenticationException or ArgumentException or NotSupportedException =>
            new HttpFailureException(HttpFailureKind.Tls, $"{endPoint}: {fault.Message}", fault),
        _ when isConnected => new HttpFailureException(HttpFailureKind.Tls, $"{endPoint}: {fault.Message}", fault),
        _ => new HttpFailureException(HttpFailureKind.Unreachable, $"{endPoint}: {fault.Message}", fault),
    };
}

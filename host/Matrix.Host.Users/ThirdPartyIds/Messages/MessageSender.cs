using System.Threading.Channels;
using Matrix.Host.Network;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.TextMessages;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>
/// Sends messages to addresses, some at once, apart from the requests that cause them: a request takes as long whatever
/// is sent. A message that cannot be sent is tried again, and then given up: its user asks for another.
/// </summary>
public sealed partial class MessageSender(
    Mailer mailer,
    TextMessageGateway gateway,
    ThirdPartyIdOptions options,
    UsersOptions users,
    TimeProvider time,
    ILogger<MessageSender> log) : BackgroundService
{
    private static readonly TimeSpan _logInterval = TimeSpan.FromMinutes(10);

    private readonly LogLimiter _limiter = new(_logInterval, 2, time);

    private readonly Channel<Message> _waiting = Channel.CreateBounded<Message>(
        new BoundedChannelOptions(options.Queue) { FullMode = BoundedChannelFullMode.Wait });

    /// <summary>Whether messages of a medium can be sent.</summary>
    public bool Supports(string medium) => options.BaseUrl.Length > 0 && medium switch
    {
        Medium.Email => mailer.IsConfigured,
        Medium.Phone => gateway.IsConfigured,
        _ => false,
    };

    /// <summary>Whether there is space for one more.</summary>
    internal bool HasSpace => _waiting.Reader.Count < options.Queue;

    /// <summary>Takes a message to be sent. False if too many wait.</summary>
    internal bool TryPost(Message message) => _waiting.Writer.TryWrite(message);

    /// <summary>Sends what is posted, until it is stopped.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, options.Sending).Select(_ => SendAllAsync(stoppingToken)));

    private async Task SendAllAsync(CancellationToken stop)
    {
        await foreach (var message in _waiting.Reader.ReadAllAsync(stop)) await SendAsync(message, stop);
    }

    private async ValueTask SendAsync(Message message, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (message.ExpiresAt <= time.GetUtcNow().ToUnixTimeMilliseconds()) return;
            var failure = message.To.Medium == Medium.Email
                ? await mailer.SendAsync(MailForm.Of(message, users.ServerName), stop)
                : await gateway.SendAsync(
                    message.To.Address,
                    Languages.Of(message.Language).Text(message, users.ServerName),
                    message.Language,
                    stop);
            if (failure is null) return;
            if (_limiter.Allows(message.To.Medium, out var heldBack)) NotSent(message.To.Medium, failure, heldBack);
            if (attempt >= options.SendAttempts) return;
            await Task.Delay(options.SendPause * attempt, time, stop);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A message to a user's {Medium} address was not sent: {Reason} "
            + "({HeldBack} such lines were held back)")]
    private partial void NotSent(string medium, string reason, int heldBack);
}

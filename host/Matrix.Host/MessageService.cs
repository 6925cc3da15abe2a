using Matrix.Host.Users.ThirdPartyIds.Messages;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Sends messages to users' addresses while the server runs.</summary>
internal sealed class MessageService(MessageSender sender) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => sender.RunAsync(stoppingToken);
}

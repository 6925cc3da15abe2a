using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Http;

/// <summary>A server of which a part fails that nobody waits for.</summary>
public sealed class FailedPartTests
{
    [Test]
    public async Task It_ends_with_an_error_so_that_it_is_started_again()
    {
        await using var server = await TestServer.StartAsync();
        var failure = new TaskCompletionSource();
        server.Replaces = parts => parts.AddHostedService(_ => new FailingPart(failure.Task));
        await server.RestartAsync();
        var runs = server.RunsUntilAsync(CancellationToken.None);
        Assert.That(runs.IsCompleted, Is.False);

        failure.SetException(new InvalidOperationException("The part failed."));

        Assert.That(await runs.WaitAsync(TimeSpan.FromSeconds(20)), Is.False);
        Assert.That(server.Log, Does.Contain("The part failed."));
    }

    [Test]
    public async Task A_stop_is_no_error()
    {
        await using var server = await TestServer.StartAsync();
        using var stop = new CancellationTokenSource();
        var runs = server.RunsUntilAsync(stop.Token);

        await stop.CancelAsync();

        Assert.That(await runs.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Test]
    public async Task A_stop_that_the_web_host_saw_first_is_no_error()
    {
        await using var server = await TestServer.StartAsync();
        var runs = server.RunsUntilAsync(CancellationToken.None);

        server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        Assert.That(await runs.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private sealed class FailingPart(Task failure) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure;
    }
}

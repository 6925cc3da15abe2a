using Matrix.Host.Api.Http;
using Matrix.Host.Media;
using Matrix.Host.Media.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Http;

/// <summary>
/// The web server skips the rest of a body after each request. It must be able to, though reading was cancelled.
/// </summary>
public sealed class CancelledBodyTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("matrix-spool-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public Task Reading_JSON_may_be_cancelled() => IsNoErrorAsync(async (http, stop) =>
        await RequestBody.ReadAsync(http, RouteOptions.Default, 1000, null, stop));

    [Test]
    public Task Receiving_a_file_may_be_cancelled() => IsNoErrorAsync(async (http, stop) =>
        await new MediaSpool(new MediaOptions { ServerName = "test.example", Folder = _folder })
            .ReceiveAsync(http.Request.BodyReader, 1000, stop));

    private static async Task IsNoErrorAsync(Func<HttpContext, CancellationToken, Task> read)
    {
        using var log = new LineLog();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        builder.Logging.AddProvider(log);
        await using var app = builder.Build();
        var isCancelled = false;
        ((IApplicationBuilder)app).Run(async http =>
        {
            using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
            try
            {
                await read(http, stop.Token);
            }
            catch (OperationCanceledException)
            {
                isCancelled = true;
            }
        });
        await app.StartAsync();
        var features = app.Services.GetRequiredService<IServer>().Features;
        var address = new Uri(features.Get<IServerAddressesFeature>()!.Addresses.Single());

        using (var connection = await RawConnection.OpenAsync(address))
        {
            await connection.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
            await Task.Delay(TimeSpan.FromMilliseconds(500));
        }

        await app.StopAsync();
        Assert.That(isCancelled);
        Assert.That(log.Lines, Does.Not.Contain("level=error"));
    }
}

using System.Net;
using System.Security.Cryptography.X509Certificates;
using Matrix.Processes.Network;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Durability.Receivers;

/// <summary>A web server in this process that takes the requests of the server under test; all get 200.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Receiver(WebApplication app) => _app = app;

    /// <summary>Its address, without a slash at the end.</summary>
    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.Single();

    /// <summary>Starts one on a free port of 127.0.0.1.</summary>
    /// <param name="isTls">Whether it serves https, with a certificate of <see cref="TestCa.Shared"/>.</param>
    /// <param name="take">Takes the path and the body of a request, and returns the body of the response.</param>
    public static async Task<Receiver> StartAsync(bool isTls, Func<string, string, string> take)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (isTls) listen.UseHttps(UseCertificate);
            });
        });
        var app = builder.Build();
        ((IApplicationBuilder)app).Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var body = await reader.ReadToEndAsync(http.RequestAborted);
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(take(http.Request.Path, body), http.RequestAborted);
        });
        await app.StartAsync();
        return new Receiver(app);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static void UseCertificate(HttpsConnectionAdapterOptions https)
    {
        var (certificate, key) = TestCa.Shared.Issue("127.0.0.1");
        using var pem = X509Certificate2.CreateFromPemFile(certificate, key);
        https.ServerCertificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        https.ServerCertificateChain = [];
        https.ServerCertificateChain.ImportFromPemFile(certificate);
    }
}

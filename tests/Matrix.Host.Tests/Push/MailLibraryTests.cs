using Matrix.Processes;

namespace Matrix.Host.Tests.Push;

/// <summary>The library that sends mail costs a start nothing.</summary>
internal sealed class MailLibraryTests
{
    [Test]
    public async Task A_server_loads_no_mail_library_before_its_first_mail()
    {
        using var server = new HomeserverProcess(settings: new Dictionary<string, string>
        {
            ["MATRIX_PUBLIC_BASE_URL"] = "https://matrix.test.example",
            ["MATRIX_EMAIL__SMTP_HOST"] = "127.0.0.1",
            ["MATRIX_EMAIL__FROM"] = "noreply@test.example",
        });
        await server.StartAsync();

        var loaded = await File.ReadAllTextAsync($"/proc/{server.ProcessId}/maps");

        Assert.That(loaded, Does.Contain("/YamlDotNet.dll"), "what is loaded can be seen");
        Assert.That(loaded, Does.Not.Contain("/MailKit.dll").And.Not.Contain("/MimeKit.dll"));
        Assert.That(loaded, Does.Not.Contain("/BouncyCastle"));
    }
}

using Matrix.Host.AppServices;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Tests.AppServices;

internal sealed class RegistrationFileTests
{
    private const string Good = """
        id: "IRC Bridge"
        url: "http://127.0.0.1:1234/path/"
        as_token: "secret-as"
        hs_token: "secret-hs"
        sender_localpart: "_irc_bot"
        namespaces:
          users:
            - exclusive: true
              regex: "@_irc_bridge_.*"
          aliases:
            - exclusive: false
              regex: "#_irc_bridge_.*"
          rooms: []
        """;

    [Test]
    public void The_specifications_example_is_read()
    {
        var (service, mistakes) = Read(Good);

        Assert.That(mistakes, Is.Empty);
        Assert.That(service!.Id, Is.EqualTo("IRC Bridge"));
        Assert.That(service.SenderId, Is.EqualTo("@_irc_bot:test.example"));
        Assert.That(service.HasUser("@_irc_bridge_a:test.example"));
        Assert.That(service.HasUser("@_irc_bridge_a:elsewhere.example"), Is.False);
        Assert.That(service.ReservesUser("@_irc_bot:test.example"));
        Assert.That(service.HasAlias("#_irc_bridge_a:test.example"));
        Assert.That(service.ReservesAlias("#_irc_bridge_a:test.example"), Is.False);
        Assert.That(service.HasAlias("#a_irc_bridge_a:test.example"), Is.False);
        Assert.That(service.IsRateLimited);
        Assert.That(service.ReceivesEphemeral, Is.False);
    }

    [TestCase("receive_ephemeral: true")]
    [TestCase("de.sorunome.msc2409.push_ephemeral: true")]
    public void Both_names_of_ephemeral_data_are_read(string line) =>
        Assert.That(Read($"{Good}\n{line}").Service!.ReceivesEphemeral);

    [TestCase("id:", "`id`")]
    [TestCase("as_token:", "`as_token`")]
    [TestCase("hs_token:", "`hs_token`")]
    [TestCase("sender_localpart:", "`sender_localpart`")]
    [TestCase("sender_localpart: \"a b\"", "`sender_localpart`")]
    [TestCase("url: 5", "`url`")]
    [TestCase("url: \"unix:///tmp/x\"", "`url`")]
    [TestCase("rate_limited: maybe", "`rate_limited`")]
    [TestCase("protocols: irc", "`protocols`")]
    [TestCase("namespaces:", "`namespaces`")]
    public void A_mistake_names_file_line_and_key_and_no_secret(string line, string named)
    {
        var key = line[..line.IndexOf(':')];
        var lines = Good.Split('\n').Where(each => !each.StartsWith(key + ":", StringComparison.Ordinal));
        if (key == "namespaces") lines = lines.Where(each => !each.StartsWith(' '));

        var (service, mistakes) = Read(string.Join('\n', lines.Prepend(line)));

        Assert.That(service, Is.Null);
        Assert.That(mistakes.Single(), Does.StartWith("bridge.yaml:1: ").And.Contains(named));
        Assert.That(mistakes.Single(), Does.Not.Contain("secret"));
    }

    [TestCase("(")]
    [TestCase("(?=a)")]
    [TestCase("(a)\\\\1")]
    public void An_expression_without_a_bound_on_its_time_is_refused(string regex)
    {
        var (service, mistakes) = Read(Good.Replace("@_irc_bridge_.*", regex, StringComparison.Ordinal));

        Assert.That(service, Is.Null);
        Assert.That(mistakes.Single(), Does.StartWith("bridge.yaml:9: `regex`"));
    }

    [Test]
    public void Two_services_need_tokens_and_ids_of_their_own()
    {
        var folder = Directory.CreateTempSubdirectory("matrix-service-").FullName;
        File.WriteAllText(Path.Combine(folder, "a.yaml"), Good);
        File.WriteAllText(Path.Combine(folder, "b.yml"), Good);

        var fault = Assert.Throws<InvalidDataException>(
            () => new AppServiceFiles([folder], "test.example", 10, 10).Load());

        Directory.Delete(folder, recursive: true);
        Assert.That(fault.Message, Does.Contain("b.yml: `id`").And.Contains("b.yml: `as_token`"));
        Assert.That(fault.Message, Does.Not.Contain("secret"));
    }

    private static (AppService? Service, List<string> Mistakes) Read(string text)
    {
        var mistakes = new List<string>();
        return (RegistrationFile.Read("bridge.yaml", text, "test.example", 100, out _, mistakes), mistakes);
    }
}

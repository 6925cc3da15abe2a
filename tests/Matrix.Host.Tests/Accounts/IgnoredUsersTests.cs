using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Tests.Accounts;

internal sealed class IgnoredUsersTests
{
    private const string Alice = "@alice:example.org";
    private const string Type = "m.ignored_user_list";

    private Table _table = null!;
    private IgnoredUsers _ignored = null!;

    [SetUp]
    public void SetUp()
    {
        _table = new Table();
        _ignored = new IgnoredUsers(_table, 1 << 16);
    }

    [Test]
    public async Task The_list_is_read_once_until_it_changes()
    {
        Assert.That(await OfAliceAsync(), Is.Empty);
        _table.Content = ListOf("@bob:example.org");
        Assert.That(await OfAliceAsync(), Is.Empty);

        _ignored.OnChange(new AccountDataPut(Alice, new RoomNid(1), Type, _table.Content), 1);
        _ignored.OnChange(new AccountDataPut(Alice, null, "m.direct", _table.Content), 2);
        _ignored.OnChange(new AccountDataPut("@carol:example.org", null, Type, _table.Content), 3);
        Assert.That(await OfAliceAsync(), Is.Empty);
        Assert.That(_table.Reads, Is.EqualTo(1));

        _ignored.OnChange(new AccountDataPut(Alice, null, Type, _table.Content), 4);
        Assert.That(await OfAliceAsync(), Is.EqualTo(new[] { "@bob:example.org" }));
    }

    [Test]
    public async Task A_deleted_list_and_missed_changes_are_read_again()
    {
        _table.Content = ListOf("@bob:example.org");
        Assert.That(await OfAliceAsync(), Has.Count.EqualTo(1));

        _table.Content = null;
        _ignored.OnChange(new AccountDataDeleted(Alice), 1);
        Assert.That(await OfAliceAsync(), Is.Empty);

        _table.Content = ListOf("@bob:example.org");
        _ignored.Missed(2);
        Assert.That(await OfAliceAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_list_that_changes_while_it_is_read_is_not_kept()
    {
        _table.AfterRead = () =>
            _ignored.OnChange(new AccountDataPut(Alice, null, Type, ListOf("@bob:example.org")), 1);
        Assert.That(await OfAliceAsync(), Is.Empty);

        _table.AfterRead = null;
        _table.Content = ListOf("@bob:example.org");
        Assert.That(await OfAliceAsync(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Nobody_ignores_themselves()
    {
        _table.Content = Encoding.UTF8.GetBytes(
            "{\"ignored_users\":{\"@bob:example.org\":{},\"" + Alice + "\":{}}}");
        Assert.That(await OfAliceAsync(), Is.EqualTo(new[] { "@bob:example.org" }));
    }

    [TestCase("""{"ignored_users":["@bob:example.org"]}""")]
    [TestCase("""{"ignored_users":null}""")]
    [TestCase("""{"ignored_users":"@bob:example.org"}""")]
    [TestCase("""{"other":{"ignored_users":{"@bob:example.org":{}}}}""")]
    [TestCase("""{"ignored_users":[{"@bob:example.org":{}}]}""")]
    [TestCase("""[{"ignored_users":{"@bob:example.org":{}}}]""")]
    [TestCase("{")]
    [TestCase("")]
    public async Task Content_of_another_shape_ignores_nobody(string content)
    {
        _table.Content = Encoding.UTF8.GetBytes(content);
        Assert.That(await OfAliceAsync(), Is.Empty);
    }

    private ValueTask<IReadOnlySet<string>> OfAliceAsync() => _ignored.OfAsync(Alice, CancellationToken.None);

    private static byte[] ListOf(string user) =>
        Encoding.UTF8.GetBytes("{\"ignored_users\":{\"" + user + "\":{}}}");

    private sealed class Table : IAccountDataTable
    {
        public byte[]? Content { get; set; }

        public Action? AfterRead { get; set; }

        public int Reads { get; private set; }

        public ValueTask<AccountDataRow?> FindAsync(string userId, RoomNid? room, string type, CancellationToken stop)
        {
            Reads++;
            var row = Content is { } content ? new AccountDataRow(null, type, content, 1) : null;
            AfterRead?.Invoke();
            return ValueTask.FromResult(row);
        }

        public ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
            string userId, long after, long through, CancellationToken stop) => throw new NotSupportedException();

        public ValueTask<(int All, int Deleted)> CountAsync(string userId, CancellationToken stop) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(
            string userId, RoomNid room, CancellationToken stop) => throw new NotSupportedException();
    }
}

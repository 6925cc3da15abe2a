using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.Keys;
using Matrix.Host.Rooms.Inbound;
using NUnit.Framework;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Keys that were found for one event of a response, and check the others.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FoundKeysTests
{
    private readonly Peer _peer = new("peer.example");
    private readonly FoundKeys _found = new();

    [Test]
    public void A_kept_key_checks_another_event()
    {
        Keep(_peer.PublishedKeys);

        var checkedBy = Check("11");

        Assert.That(checkedBy!.Select(each => each.Fate), Is.EqualTo(new[] { SignatureFate.Valid }));
        Assert.That(checkedBy![0].Signature.Entity, Is.EqualTo("peer.example"));
    }

    [Test]
    public void A_signature_by_another_key_of_the_same_name_is_invalid()
    {
        Keep(new Peer("peer.example").PublishedKeys);

        Assert.That(Check("11")!.Select(each => each.Fate), Is.EqualTo(new[] { SignatureFate.Invalid }));
    }

    [Test]
    public void Without_the_key_there_is_no_answer()
    {
        Keep(_peer.PublishedKeys.Where(key => key.KeyId != _peer.Current.Key.Id));

        Assert.That(Check("11"), Is.Null);
    }

    [Test]
    public void A_key_of_another_server_is_not_taken()
    {
        _found.Add("other.example", _peer.PublishedKeys.ToDictionary(key => key.KeyId));

        Assert.That(Check("11"), Is.Null);
    }

    [TestCase("4", true)]
    [TestCase("5", false)]
    public void The_end_of_validity_counts_from_version_5_on(string version, bool counts)
    {
        _peer.ValidUntil = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds();
        Keep(_peer.PublishedKeys);

        Assert.That(Check(version) is not null, Is.EqualTo(counts));
    }

    [TestCase("4")]
    [TestCase("11")]
    public void A_former_key_checks_no_later_event(string version)
    {
        var end = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds();
        Keep(_peer.PublishedKeys.Select(key => key with { ExpiredAt = end }));

        Assert.That(Check(version), Is.Null);
    }

    [Test]
    public void Signatures_that_do_not_count_need_no_key()
    {
        Keep(_peer.PublishedKeys);

        var fates = Check("11", signedBy: "relay.example")!
            .ToDictionary(each => each.Signature.Entity, each => each.Fate);

        Assert.That(fates["peer.example"], Is.EqualTo(SignatureFate.Valid));
        Assert.That(fates["relay.example"], Is.EqualTo(SignatureFate.Skipped));
    }

    private void Keep(IEnumerable<ServerKey> keys) =>
        _found.Add("peer.example", keys.ToDictionary(key => key.KeyId));

    private CheckedSignature[]? Check(string version, string? signedBy = null)
    {
        var room = new PeerRoom(_peer, version, "!room:peer.example");
        var json = PeerRoom.Json(room.Says("bob", "hello"));
        if (signedBy is not null)
        {
            json["signatures"]![signedBy] = new JsonObject { ["ed25519:1"] = new string('A', 86) };
        }

        var read = RoomRules.Find(version)!.ReadHistory(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()));
        return _found.Check(RoomRules.Find(version)!, read.Value);
    }
}

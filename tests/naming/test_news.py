from beam_actors.naming.news import News
from tests.naming.builders import peer


def test_a_peer_missed_what_was_new_since_it_was_answered():
    news = News(room=4)
    assert not news.missed_by(peer(1))
    news.answering(peer(1))
    assert not news.missed_by(peer(1))
    news.answering(peer(1))
    news.came()
    assert news.missed_by(peer(1))
    assert not news.missed_by(peer(1))


def test_the_book_is_bounded_and_the_oldest_go_first():
    news = News(room=2)
    for number in range(3):
        news.answering(peer(number))
    news.came()
    assert not news.missed_by(peer(0))
    assert news.missed_by(peer(1))
    assert news.missed_by(peer(2))
